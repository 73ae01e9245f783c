/// What a file name in `incoming` asks for.
enum IncomingFile: Hashable, Sendable {
    case config(JobName)
    case cancel(JobName)
    case retry(JobName)
    /// Not meant for the daemon: dotfiles, editors' files, other extensions.
    case ignored
    /// Would be a request, were its name one that jobs can have.
    case unfit

    init(fileName: String) {
        guard !fileName.hasPrefix("."), !fileName.hasSuffix("~"), let dot = fileName.lastIndex(of: ".") else {
            self = .ignored
            return
        }
        let name = JobName(fileName[..<dot])
        switch fileName[dot...] {
        case ".yml", ".yaml": self = name.map { .config($0) } ?? .unfit
        case ".cancel": self = name.map { .cancel($0) } ?? .unfit
        case ".retry": self = name.map { .retry($0) } ?? .unfit
        default: self = .ignored
        }
    }

    /// The job that is meant.
    var name: JobName? {
        switch self {
        case .config(let name), .cancel(let name), .retry(let name): name
        case .ignored, .unfit: nil
        }
    }
}
