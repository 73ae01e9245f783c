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

    /// What is said of it where the config names the model.
    func problem(of reference: ModelReference, line: Int) -> Problem {
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
