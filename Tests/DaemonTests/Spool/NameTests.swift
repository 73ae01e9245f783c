import Testing

@testable import Daemon

@Suite struct NameTests {
    @Test(arguments: ["a", "A-b_c.9", "seed.v2", "-", "_", "a..b", String(repeating: "x", count: 128)])
    func names(text: String) {
        #expect(JobName(text)?.text == text)
    }

    @Test(arguments: [
        "", ".", "..", ".a", "a/b", "../a", "a b", "a\0", "a\n", "ä", "а", "a\u{200B}", "a%",
        String(repeating: "x", count: 129),
    ])
    func notNames(text: String) {
        #expect(JobName(text) == nil)
    }

    @Test func requestsByExtension() throws {
        let name = try #require(JobName("a.b"))
        #expect(IncomingFile(fileName: "a.b.yml") == .config(name))
        #expect(IncomingFile(fileName: "a.b.yaml") == .config(name))
        #expect(IncomingFile(fileName: "a.b.cancel") == .cancel(name))
        #expect(IncomingFile(fileName: "a.b.retry") == .retry(name))
        #expect(IncomingFile(fileName: "a b.cancel") == .unfit)
        #expect(IncomingFile(fileName: "a.b") == .ignored)
    }
}
