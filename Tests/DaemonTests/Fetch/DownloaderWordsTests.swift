import Testing

@testable import Daemon

/// What `hf` of huggingface_hub 2.4 printed when this happened to it, or the essential lines.
@Suite struct DownloaderWordsTests {
    @Test(arguments: [
        (
            "Error: Model 'org/none' not found.\nHint: set HF_DEBUG=1 …", FetchFailure.Kind.permanent,
            "Model 'org/none' not found"
        ),
        (
            "Error: Revision 'nope' not found on 'org/base'.", .permanent,
            "Revision 'nope' not found on 'org/base'"
        ),
        (
            "Error: Access denied. Model 'org/base' requires approval.", .permanent,
            "Access denied. Model 'org/base' requires approval"
        ),
        (
            "Error: Client error '401 Unauthorized' for url 'http://h/api/models/org/base'", .permanent,
            "Client error '401 Unauthorized' for url 'http://h/api/models/org/base'"
        ),
        (
            "  File \"x\", line 1\nhttpx2.ReadError: [Errno 104] Connection reset by peer", .passing,
            "httpx2.ReadError: [Errno 104] Connection reset by peer"
        ),
        (
            "httpx2.ConnectError: [Errno 111] Connection refused", .passing,
            "httpx2.ConnectError: [Errno 111] Connection refused"
        ),
        (
            "Error: Server error '503 Service Unavailable' for url 'http://h/lfs/org/base/model.safetensors'\nthe hub is out of order",
            .passing,
            "Server error '503 Service Unavailable' for url 'http://h/lfs/org/base/model.safetensors'"
        ),
        (
            "Error: Local entry not found. 429 Too Many Requests for url: http://h/x.", .passing,
            "Local entry not found. 429 Too Many Requests for url: http://h/x"
        ),
        (
            "OSError: Consistency check failed: file should be of size 3000000 but has size 2999936 (x).\nThis is usually …",
            .damaged,
            "OSError: Consistency check failed: file should be of size 3000000 but has size 2999936 (x)"
        ),
        ("OSError: [Errno 28] No space left on device", .full, "OSError: [Errno 28] No space left on device"),
        ("Error: No such command 'models'.", .permanent, "No such command 'models'"),
    ])
    func whatTheDownloaderSaysDecides(text: String, kind: FetchFailure.Kind, told: String) {
        let failure = FetchFailure(of: "hf", code: 1, words: text)
        #expect(failure.kind == kind)
        #expect(failure.message == told)
        #expect(!failure.remedy.isEmpty)
    }

    @Test func wordsThatSayNothingAreTriedAgainUnlessTheOptionsAreWrong() {
        #expect(FetchFailure(of: "hf", code: 1, words: "").kind == .passing)
        #expect(FetchFailure(of: "hf", code: 2, words: "usage: hf").kind == .permanent)
    }
}
