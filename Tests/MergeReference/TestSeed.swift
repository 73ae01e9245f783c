import Glibc

/// Seeds of randomised tests.
///
/// Fresh ones in each run; where `DELLAD_TEST_SEED` is set, to whatever text, ones that follow from it and from the
/// place that draws, so that a run that failed somewhere else is repeated without its output.
enum TestSeed {
    private static let text = getenv("DELLAD_TEST_SEED").map { String(cString: $0) } ?? ""

    static func drawn(in file: StaticString = #fileID, at line: UInt = #line) -> UInt64 {
        guard !text.isEmpty else { return .random(in: 0 ... .max) }
        return hash("\(text) \(file) \(line)")
    }

    /// What `DELLAD_FUZZ_SEED` says, to repeat one case or run; else one that is drawn, and shorter to type.
    static func asked(in file: StaticString = #fileID, at line: UInt = #line) -> UInt64 {
        getenv("DELLAD_FUZZ_SEED").flatMap { UInt64(String(cString: $0)) } ?? drawn(in: file, at: line) >> 16
    }

    /// FNV-1a of 64 bits (Fowler, Noll, Vo), mixed once more: neighbouring lines differ in few bits.
    private static func hash(_ text: String) -> UInt64 {
        let sum = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { sum, byte in
            (sum ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        var mixer = SeededRandom(seed: sum)
        return mixer.next()
    }
}
