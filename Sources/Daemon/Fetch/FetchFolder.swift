import Della
import StreamIO
import SystemPackage

/// The folder in which a daemon asks for models and a fetcher answers: in the runtime folder of a service, else in the
/// spool. Each file has one writer: requests the daemon, answers the fetcher, who also removes a request that it has
/// answered for good.
struct FetchFolder: Hashable, Sendable {
    private static let requestSuffix = ".request"
    private static let answerSuffix = ".answer"
    private static let sizeLimit = 64 << 10
    /// Requests that are looked at, at most.
    static let requestLimit = 1000

    let path: FilePath

    init(_ path: FilePath) { self.path = path }

    /// Where the daemon of a spool asks.
    ///
    /// - Parameter environment: of a service that was given a runtime folder, or of a process that was not.
    init(spool: FilePath, environment: [String: String]) {
        let runtime = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first.map {
            FilePath(String($0))
        }
        path = runtime?.appending("fetch") ?? spool.appending(".fetch")
    }

    private func request(_ model: HubModel) -> FilePath {
        path.appending(model.fileName + Self.requestSuffix)
    }
    private func answer(_ model: HubModel) -> FilePath { path.appending(model.fileName + Self.answerSuffix) }

    func create() throws(IOError) { try Spool.createFolders(to: path) }

    // MARK: The daemon's side

    /// Asks, or asks anew.
    func ask(_ request: FetchRequest) throws(IOError) {
        try FileSystem.remove(answer(request.model))
        try replace(self.request(request.model), with: request.json)
    }

    /// Wants it no more, or has seen its answer.
    func withdraw(_ model: HubModel) throws(IOError) {
        try FileSystem.remove(request(model))
        try FileSystem.remove(answer(model))
    }

    /// What is said of a request; `nil` where nothing is yet.
    func answer(to request: FetchRequest) -> FetchAnswer? {
        read(answer(request.model)).flatMap { FetchAnswer($0) }.flatMap {
            $0.identifier == request.identifier ? $0 : nil
        }
    }

    /// Requests that an earlier daemon left.
    func askedModels() -> [HubModel] { requests().map(\.model) }

    // MARK: The fetcher's side

    /// What is asked for, in the order of the names.
    func requests() -> [FetchRequest] {
        let names = (try? FileSystem.entries(of: path, limit: Self.requestLimit * 4)) ?? []
        return names.filter { $0.hasSuffix(Self.requestSuffix) && !$0.hasPrefix(".") }
            .prefix(Self.requestLimit).compactMap { read(path.appending($0)).flatMap { FetchRequest($0) } }
    }

    /// Whether a model is still asked for; whoever asks anew has the same answered.
    func current(_ request: FetchRequest) -> FetchRequest? {
        read(self.request(request.model)).flatMap { FetchRequest($0) }
    }

    /// Answers. Of an answer that is final the request goes after it: a crash between the two answers again.
    func write(_ answer: FetchAnswer, to request: FetchRequest) throws(IOError) {
        try replace(self.answer(request.model), with: answer.json)
        if answer.isFinal { try FileSystem.remove(self.request(request.model)) }
    }

    private func replace(_ path: FilePath, with json: JSON) throws(IOError) {
        try FileSystem.replaceAtomically(
            path, with: Array((json.serialized() + "\n").utf8), sync: false)
    }

    private func read(_ path: FilePath) -> JSON? {
        guard let bytes = try? FileSystem.readWhole(path, limit: Self.sizeLimit, followLinks: false) else {
            return nil
        }
        return try? JSON(parsing: bytes)
    }
}
