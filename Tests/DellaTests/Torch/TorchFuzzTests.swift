import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import MergeReference

/// Damaged `.bin` files: always tensors that lie within the file, or a named error; never a crash or a hang.
///
/// Runs for two seconds; `DELLAD_FUZZ_SECONDS` sets another time, `DELLAD_FUZZ_SEED` repeats a run, whose seed a failure
/// names.
@Suite struct TorchFuzzTests {
    private static let time: Duration = .seconds(
        getenv("DELLAD_FUZZ_SECONDS").flatMap { Int(String(cString: $0)) } ?? 2)
    private static let patience = Duration.seconds(10)

    @Test func aDamagedFileIsOpenedOrNamed() throws {
        let seed = TestSeed.asked()
        print("TorchFuzzTests: seed \(seed)")
        var random = SeededRandom(seed: seed)
        let folder = TorchFolder()
        let clock = ContinuousClock()
        let end = clock.now + Self.time
        var opened = 0, refused = 0
        while clock.now < end || opened == 0 || refused == 0 {
            let style = Self.style(&random)
            var file = TorchFile(tensors: TorchFolder.tensors, style: style)
            if Bool.random(using: &random) { file.tensors.shuffle(using: &random) }
            var entries = file.entries()
            // The pickle alone, so that the archive around it is whole, or any byte of the file.
            let isPickles = Bool.random(using: &random)
            if isPickles { entries[0].data = Self.damaged(entries[0].data, &random) }
            var bytes = TorchFile.archive(entries, style)
            if !isPickles { bytes = Self.damaged(bytes, &random) }
            let room: UInt64 =
                Bool.random(using: &random) ? .max : UInt64.random(in: 0...1 << 20, using: &random)
            let begin = ThreadTime.now
            do {
                let checkpoint = try folder.open(bytes, room: room)
                for tensor in checkpoint.tensors {
                    let (end, isOver) = tensor.offset.addingReportingOverflow(tensor.byteCount)
                    #expect(!isOver && end <= UInt64(bytes.count), "seed \(seed)")
                    #expect(
                        tensor.byteCount == UInt64(tensor.elementCount * tensor.type.bitWidth / 8),
                        "seed \(seed)")
                }
                opened += 1
            } catch let error as CheckpointError {
                #expect(!error.problem.isEmpty && !error.remedy.isEmpty, "seed \(seed)")
                refused += 1
            }
            #expect(ThreadTime.now - begin < Self.patience, "seed \(seed)")
        }
        #expect(opened > 0 && refused > 0, "seed \(seed): \(opened) opened, \(refused) refused")
    }

    private static func style(_ random: inout SeededRandom) -> TorchFile.Style {
        func coin() -> Bool { Bool.random(using: &random) }
        return TorchFile.Style(
            alignment: [0, 1, 3, 64].randomElement(using: &random) ?? 64, isWide: coin(),
            hasDescriptors: coin(),
            isPacked: coin(), isPlain: coin(), wrapper: coin() ? "state_dict" : nil,
            pickleVersion: coin() ? 2 : 4,
            byteOrder: coin() ? "little" : nil)
    }

    /// A few bytes changed, put in, taken out or repeated.
    private static func damaged(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            guard !bytes.isEmpty else { break }
            let at = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...8, using: &random)))
            case 4: for place in at..<min(bytes.count, at + 8) { bytes[place] = 0xFF }
            case 5:
                let piece = Array(bytes[at..<min(bytes.count, at + 40)])
                for _ in 0..<Int.random(in: 1...200, using: &random) {
                    bytes.insert(contentsOf: piece, at: at)
                }
            default: bytes.removeSubrange(at...)
            }
        }
        return bytes
    }
}
