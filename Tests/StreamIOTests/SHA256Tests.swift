import CChecksum
import Glibc
import Testing

@testable import StreamIO

@Suite struct SHA256Tests {
    /// By the processor's instructions, where it has them, and in portable C.
    static let paths = dellad_sha256_has_instructions() != 0 ? [true, false] : [false]

    static func digest(_ bytes: [UInt8], byInstructions: Bool) -> String {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0, byInstructions: byInstructions) }
        // The padding of a digest goes the usual way: agreement of the two is for the other tests.
        return hash.digest.hexadecimal
    }

    /// NIST's examples for FIPS 180-4, and the empty message.
    @Test(arguments: paths)
    func knownAnswers(byInstructions: Bool) {
        let answers = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                    + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ]
        for (text, expected) in answers {
            #expect(Self.digest(Array(text.utf8), byInstructions: byInstructions) == expected)
        }
    }

    @Test(.enabled(if: paths.count == 2, "this processor has no SHA extensions"))
    func theInstructionsAgreeWithThePortableCode() {
        var generator = SeededGenerator()
        let bytes = generator.bytes(64 * 300 + 16)
        bytes.withUnsafeBytes { raw in
            for blocks in Array(0...9) + [63, 64, 299] {
                for start in [0, 1, 7, 16] {
                    // Any state, not only those that a message leads to.
                    var one = (0..<8).map { _ in UInt32.random(in: 0...UInt32.max, using: &generator) }
                    var other = one
                    dellad_sha256_update(&one, raw.baseAddress! + start, blocks)
                    dellad_sha256_update_portable(&other, raw.baseAddress! + start, blocks)
                    #expect(one == other, "\(blocks) blocks from \(start), seed \(generator.seed)")
                }
            }
        }
    }

    @Test func sha256sumAgreesAtAnyLength() throws {
        let folder = TemporaryFolder()
        var generator = SeededGenerator()
        for length in Array(54...66) + [0, 1, 119, 120, 127, 128, 4095, 4096, 100_000, 3_000_001] {
            let bytes = generator.bytes(length)
            let path = try folder.write(bytes, "\(length)")
            guard let pipe = popen("sha256sum '\(path)'", "r") else { throw IOError("popen", path, .ioError) }
            defer { pclose(pipe) }
            var line = [CChar](repeating: 0, count: 65)
            try #require(fgets(&line, 65, pipe) != nil, "sha256sum is missing")
            let expected = String(decoding: line.prefix(64).map(UInt8.init), as: UTF8.self)
            #expect(SHA256.of(bytes).hexadecimal == expected, "\(length) bytes, seed \(generator.seed)")
        }
    }

    @Test(arguments: paths)
    func piecesOfAnyLengthGiveTheDigestOfTheWhole(byInstructions: Bool) {
        var generator = SeededGenerator()
        let bytes = generator.bytes(20_000)
        for longest in [1, 63, 64, 65, 200, 5000] {
            var hash = SHA256()
            var at = 0
            while at < bytes.count {
                let end = min(bytes.count, at + Int.random(in: 0...longest, using: &generator))
                bytes[at..<end].withUnsafeBytes { hash.update($0, byInstructions: byInstructions) }
                at = end
            }
            #expect(hash.digest == SHA256.of(bytes), "pieces up to \(longest), seed \(generator.seed)")
        }
    }

    @Test func aHashGoesOnFromItsStateInText() throws {
        var generator = SeededGenerator()
        let bytes = generator.bytes(10_000)
        for cut in [0, 64, 4096, 9984] {
            var first = SHA256()
            bytes[..<cut].withUnsafeBytes { first.update($0) }
            let text = try #require(first.state).hexadecimal
            var second = SHA256(
                resuming: try #require(SHA256Words(hexadecimal: text)), byteCount: UInt64(cut))
            bytes[cut...].withUnsafeBytes { second.update($0) }
            #expect(second.digest == SHA256.of(bytes), "cut at \(cut), seed \(generator.seed)")
        }
    }

    @Test func withinABlockThereIsNoState() {
        var hash = SHA256()
        [UInt8](repeating: 0, count: 65).withUnsafeBytes { hash.update($0) }
        #expect(hash.state == nil)
        [UInt8](repeating: 0, count: 63).withUnsafeBytes { hash.update($0) }
        #expect(hash.state != nil)
    }

    @Test(arguments: ["", "0", String(repeating: "0", count: 63), String(repeating: "é", count: 32)])
    func textThatIsNoHashIsRefused(text: String) {
        #expect(SHA256Words(hexadecimal: text) == nil)
    }
}
