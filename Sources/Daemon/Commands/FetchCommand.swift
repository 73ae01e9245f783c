import ArgumentParser
import Della
import Logging
import StreamIO
import SystemPackage

/// `dellad fetch`: models from the Hub, by a downloader.
struct FetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Fetches models, or what a daemon's jobs wait for.",
        discussion: """
            Runs the command of the setting fetch_command: hf download of huggingface_hub, or what answers as it does. \
            Only weights, .json, tokenizer and template files are asked for, and a model has its name when it is whole \
            and checked. Without MODEL it answers the daemon's requests, one after another, and ends when there is \
            none. A token comes from HF_TOKEN, or from the file hf_token of LoadCredential=.
            """
    )

    @Argument(help: "Models as configs name them: ORG/NAME, or ORG/NAME@REVISION.")
    var model: [String] = []

    @OptionGroup var folders: ModelFolders
    @OptionGroup var fetching: FetchOptions
    @OptionGroup var settings: SettingsOptions

    @Option(
        help: ArgumentHelp(
            "Where the daemon asks (default: .fetch in its spool).", valueName: "dir"), completion: .directory
    )
    var requests: String?

    @Flag(help: "Waits for further requests, until it is stopped.")
    var watch = false

    func validate() throws {
        if !model.isEmpty, watch || requests != nil {
            throw ValidationError("MODEL is fetched at once: leave --watch and --requests out")
        }
        for text in model where HubModel(text) == nil {
            throw ValidationError("'\(text)' is no model of a hub (write ORG/NAME, or ORG/NAME@REVISION)")
        }
    }

    func run() throws {
        let flags = fetching.flags.merging(folders.flags) { own, _ in own }
        let environment = ProcessEnvironment.variables
        guard model.isEmpty else { return try fetch(environment, flags) }
        let settings = try settings.read(flags)
        let folder =
            requests.map { FetchFolder(FilePath($0)) }
            ?? FetchFolder(spool: settings.spool, environment: environment)
        let means = try FetchMeans(
            settings, root: settings.models.first ?? FilePath(DefaultPath.models), environment: environment)
        let threshold = LogThreshold()
        threshold.level = settings.logLevel
        let log = Logger(label: "dellad") { _ in
            LineLogHandler(isJournal: StandardStream.error.isJournal(environment), threshold: threshold)
        }
        let watching = watch
        try ForegroundWork<Void> { (_, stop) throws(CommandFailure) in
            var queue = FetchQueue(folder: folder, means: means, log: log)
            if let delay = FetchQueue.testedDelay { queue.longestDelay = delay }
            queue.run(watching: watching) { stop.isRequested }
        }.perform()
    }

    private func fetch(_ environment: [String: String], _ flags: [Setting: [String]]) throws {
        let settings = try settings.readIfPermitted(flags)
        let root = ForegroundFetch.root(settings)
        let means = try FetchMeans(settings, root: root, environment: environment)
        let library = ModelFolders.library(settings)
        for model in model.compactMap({ HubModel($0) }) {
            if let folder = library.folder(of: model) {
                if let lack = library.lack(of: model, in: folder) {
                    throw CommandFailure("\(lack.message) (\(lack.remedy))", .missingInput)
                }
                StandardStream.error.write("dellad: \(model): is there: \(folder)\n")
            } else {
                try ForegroundFetch(means: means).fetch(model)
            }
        }
    }
}

extension FetchQueue {
    /// What tests wait between two attempts instead.
    static var testedDelay: Duration? {
        ProcessEnvironment.variables["DELLAD_TEST_FETCH_DELAY"].flatMap { Int($0) }.map { .milliseconds($0) }
    }
}
