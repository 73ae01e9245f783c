import StreamIO

/// Why a model's folder cannot be merged from, whatever the config calls it.
enum FolderProblem: Error {
    case standIn(ModelStandIn)
    case checkpoint(CheckpointError)
    case profile(ProfileError)

    /// Whether there was not enough memory to open it.
    var isWantOfMemory: Bool {
        guard case .checkpoint(let error) = self, case .tooLarge = error.reason else { return false }
        return true
    }

    /// Whether files are missing that a download may have yet to bring.
    var isUnfinished: Bool {
        guard case .checkpoint(let error) = self else { return false }
        switch error.reason {
        case .noModel, .missingShard, .ambiguous: return true
        case .unreadable(let error): return error.errno == .noSuchFileOrDirectory
        default: return false
        }
    }

    /// What is said of it where the config names the model.
    ///
    /// - Parameter download: the command that fetches what the folder lacks, where there is one.
    func problem(of reference: ModelReference, line: Int, download: String? = nil) -> Problem {
        switch self {
        case .standIn(let standIn):
            return Problem(
                line: line, "\(reference.displayName) \(standIn.problem)", remedy: standIn.remedy)
        case .checkpoint(let error):
            if error.reason == .notPermitted {
                let forbidden = ModelLibrary.forbidden
                return Problem(
                    line: line, "\(reference.text): \(error.path) \(forbidden.problem)",
                    remedy: forbidden.remedy)
            }
            if isUnfinished, let download {
                return Problem(
                    line: line, "\(reference.displayName): \(error.path): \(error.problem)",
                    remedy: "finish the download: \(download)", kind: .missingInput)
            }
            return Problem(
                line: line, "\(reference.displayName): \(error.path): \(error.problem)",
                remedy: error.remedy, kind: error.isMissingInput ? .missingInput : .data)
        case .profile(let error):
            return Problem(
                line: line, "\(reference.displayName): \(error.path): \(error.reason)",
                remedy: error.remedy)
        }
    }
}
