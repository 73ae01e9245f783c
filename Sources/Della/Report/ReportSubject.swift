/// What a picture or a finding is about: one model's distance from the reference, or the output's.
enum ReportSubject: Hashable, Sendable {
    /// By its slot.
    case model(Int)
    case output

    /// ‖δ‖/‖b‖ or ‖out − b‖/‖b‖ of several tensors; `nil` where nothing was measured.
    func relativeChange(_ figures: GroupFigures) -> Double? {
        switch self {
        case .model(let slot): figures.relativeDifference(slot)
        case .output: figures.elements > 0 ? figures.relativeChange : nil
        }
    }
}
