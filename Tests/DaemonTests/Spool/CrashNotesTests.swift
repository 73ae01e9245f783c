import Testing

@testable import Daemon

@Suite struct CrashNotesTests {
    @Test(arguments: [
        ("", 0), ("11 -\n", 1), ("11 -\n11 -\n", 2), ("11 -\n11 -\n11 -\n", 3),
        // Each of these got further than the one before it.
        ("11 0\n11 100\n11 200\n11 300\n", 1),
        // The third and the fourth did not.
        ("11 0\n11 100\n11 100\n4 100\n", 3),
        // Started over from the beginning and crashed again: no progress.
        ("11 100\n11 0\n11 100\n", 3),
        ("not notes\n11\n", 0),
    ])
    func crashesWithoutProgressAddUp(text: String, count: Int) {
        #expect(CrashNotes(text).count == count)
        #expect(CrashNotes(text).isPoison == (count >= 3))
    }
}
