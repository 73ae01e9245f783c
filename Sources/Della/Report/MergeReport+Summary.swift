extension MergeReport {
    /// Models that a line names.
    private static let namedModels = 4

    /// Three lines for a terminal: how far from the reference, by which models, where most.
    public var summaryLines: [String] {
        [distanceLine, modelLine, placeLine]
    }

    private var distanceLine: String {
        let reference = merge.reference.printable(atMost: 60)
        guard isMerge else {
            let models = whole.models.count { $0.tensors > 0 }
            return
                "compared  \(ReportText.counted(whole.tensors, "tensor")) of \(ReportText.counted(models, "model")) "
                + "with \(reference)"
        }
        guard whole.elements > 0 else { return "changed   nothing was measured" }
        let changed = ReportText.share(whole.changed, of: whole.elements)
        // Where no model is held against another, each tensor's reference is the one model that it is of.
        let source = isOfSingleModels ? "the models" : reference
        guard whole.changed > 0 else {
            return isOfSingleModels
                ? "changed   nothing: every tensor is one model's"
                : "changed   nothing: the merge equals \(reference)"
        }
        return
            "changed   \(ReportText.percent(whole.relativeChange)) from \(source), \(changed) of the elements"
    }

    private var modelLine: String {
        let models = modelsByDistance
        if isOfSingleModels { return "models    none was held against another" }
        guard !models.isEmpty else { return "models    none beside \(merge.reference.printable(atMost: 60))" }
        let shown = models.prefix(Self.namedModels).map { model, figures in
            let name = modelName(model).printable(atMost: 48)
            return figures.equalsReference
                ? "\(name) the same" : "\(name) \(ReportText.percent(figures.relativeDifference))"
        }
        let more = models.count - shown.count
        return "models    " + shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "") + " apart"
    }

    private var placeLine: String {
        let subjects: [ReportSubject] = isMerge ? [.output] : self.subjects
        guard let (label, subject, change) = largestChange(of: subjects) else {
            return "most      no difference anywhere"
        }
        let whose = isMerge ? "" : " in \(name(of: subject).printable(atMost: 48))"
        return "most      \(label)\(whose), \(ReportText.percent(change))"
    }

    /// Where the relative change is largest, of the kinds in layers; `nil` where there is none.
    func largestChange(of subjects: [ReportSubject]) -> (
        label: String, subject: ReportSubject, change: Double
    )? {
        var largest: (label: String, subject: ReportSubject, change: Double)?
        for cell in cells {
            for subject in subjects {
                guard let change = subject.relativeChange(cell.figures), change > largest?.change ?? 0 else {
                    continue
                }
                largest = (cell.label, subject, change)
            }
        }
        return largest
    }
}
