import Della
import StreamIO
import SystemPackage

/// A config named on the command line.
struct ConfigFile {
    let path: FilePath
    let text: [UInt8]

    init(reading path: String) throws(CommandFailure) {
        self.path = FilePath(path)
        do {
            text = try FileSystem.readWhole(self.path, limit: DroppedConfig.sizeLimit)
        } catch {
            switch error.errno {
            case .fileTooLarge, .isDirectory, .invalidArgument:
                throw CommandFailure(
                    "\(path): is no config: \(error.operation) (name a mergekit YAML)", .badData)
            case .noSuchFileOrDirectory, .notDirectory:
                throw CommandFailure("\(path): is not there (check the name)", .missingInput)
            case .permissionDenied:
                throw CommandFailure.denied(self.path, .missingInput)
            default: throw CommandFailure("\(error)", .io)
            }
        }
    }
}

extension CommandFailure {
    /// Every problem of a config, a line each.
    init(_ problems: MergeProblems) {
        self.init(
            problems.problems.map { $0.description(in: problems.fileName) }.joined(separator: "\n"),
            exitCode: problems.exitCode)
        appendix = problems.suggestion
        absentModels = problems.absentModels
    }

    /// Why a config was not planned or not merged.
    init(_ error: RecipeError) {
        switch error {
        case .problems(let problems): self.init(problems)
        case .failure(let failure): self.init(failure.message, exitCode: failure.exitCode)
        }
    }

    /// Why work ended that reads models and leaves nothing to go on with.
    init(ofReading error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let problems as MergeProblems: self.init(problems)
        case let error as RecipeError: self.init(error)
        case let failure as MergeFailure:
            self.init(
                failure.kind == .stopped ? "interrupted" : failure.message, exitCode: failure.exitCode)
        default: self.init("\(error)", .io)
        }
    }
}
