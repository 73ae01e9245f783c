import Della
import StreamIO
import SystemPackage

/// What models are fetched with, and where to.
struct FetchMeans: Sendable {
    let store: FetchStore
    let command: FetchCommandLine
    let space: FetchSpace
    /// How long fetched models stay that nobody uses; `nil` for as long as nobody removes them.
    let keep: Age?
    let token: FetchToken
    let environment: [String: String]

    /// - Parameter root: the folder that models come into.
    init(_ settings: DaemonSettings, root: FilePath, environment: [String: String]) throws(CommandFailure) {
        store = FetchStore(root: ModelFolders.workingDirectory.pushing(root))
        do {
            command = try settings.fetchCommand ?? FetchCommandLine(FetchCommandLine.usual)
        } catch {
            throw CommandFailure("fetch_command: \(error)", .badConfiguration)
        }
        (space, keep) = (settings.fetchSpace, settings.fetchKeep)
        token = FetchToken(environment)
        var own = environment
        // It writes to a pipe, where nobody reads a bar; and it is asked for one thing.
        own["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        own["HF_HUB_DISABLE_TELEMETRY"] = "1"
        own["HF_HUB_DISABLE_UPDATE_CHECK"] = "1"
        own["NO_COLOR"] = "1"
        self.environment = own.filter { !$0.key.hasPrefix("DELLAD_") }
    }

    /// Fetches one model, once.
    func fetch(_ model: HubModel, report: (ModelFetch.Progress) -> Bool) throws(FetchFailure)
        -> ModelFetch.Result
    {
        let result: Result<ModelFetch.Result, FetchFailure> = withoutActuallyEscaping(report) { report in
            Result { () throws(FetchFailure) in
                try ModelFetch(
                    model: model, store: store, command: command, space: space, token: token,
                    environment: environment, report: report
                ).perform()
            }
        }
        return try result.get()
    }
}
