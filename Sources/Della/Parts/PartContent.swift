import StreamIO
import SystemPackage

/// What the journal of a part says, against the merge that it is to be of.
struct PartContent {
    let content: MergeJournal.Content

    init(_ content: MergeJournal.Content) { self.content = content }

    /// Why what it speaks of is of no use; `nil` where a run can go on with it, or need not.
    ///
    /// - Parameters:
    ///   - identity: of the whole merge.
    ///   - plan: the part's.
    ///   - places: the part's.
    func reasonToStartOver(
        _ identity: MergeIdentity, _ plan: MergePlan, _ places: PartialFolder
    ) throws(IOError) -> String? {
        guard let earlier = content.identity else { return "the journal is damaged" }
        if let difference = content.auditDifference {
            return "the audit found a difference: \(difference)"
        }
        if let difference = identity.onAnyMachine.difference(from: earlier.onAnyMachine) {
            return difference
        }
        let isSound =
            content.isComplete
            ? content.built != nil && content.point.isWhole(of: plan) : content.point.fits(plan)
        guard isSound else { return "the journal is damaged" }
        return try places.holds(content.point, of: plan) ? nil : "its files are incomplete"
    }
}

extension PartialFolder {
    /// What a part that is whole has in its journal; `nil` where it is not whole, or not of that merge.
    ///
    /// - Parameters:
    ///   - identity: of the whole merge.
    ///   - plan: the part's.
    func built(_ identity: MergeIdentity, _ plan: MergePlan) throws(IOError) -> BuiltParts? {
        guard let content = try MergeJournal.read(journal), content.isComplete,
            try PartContent(content).reasonToStartOver(identity, plan, self) == nil
        else { return nil }
        return content.built
    }
}
