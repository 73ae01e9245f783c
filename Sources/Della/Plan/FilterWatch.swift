/// Which filters of a config have matched a tensor, to warn of those that match none: most are misspelt.
///
/// A filter is looked at where it stands, with the names that it sees there: those of a model's parameters see the
/// models', those of the merge's the output's.
struct FilterWatch {
    /// The parameters that a filter stands under.
    private enum Level: Hashable {
        case merge
        case slice(Int)
        case source(slice: Int, ordinal: Int)
    }

    private struct Filter: Hashable {
        var line: Int
        var text: String
        /// Whether it sees the models' names of tensors, and not the output's.
        var seesModels: Bool
    }

    /// Filters that have matched nothing yet.
    private var open: [Level: [Filter]] = [:]
    /// An anchor puts one filter under several levels, of which one has to match.
    private var matched: Set<Filter> = []

    init(_ config: MergeConfig, slices: [PlannedSlice]) {
        let method = config.rules
        open[.merge] = Self.filters(config.parameters, method) + Self.filters(config.moduleParameters, method)
        for (index, slice) in slices.enumerated() {
            open[.slice(index)] = Self.filters(slice.parameters, method)
            for (ordinal, source) in slice.sources.enumerated() {
                open[.source(slice: index, ordinal: ordinal)] = Self.filters(source.entry.parameters, method)
            }
        }
        open = open.filter { !$0.value.isEmpty }
    }

    private static func filters(_ table: ParameterTable, _ method: MethodRules) -> [Filter] {
        table.settings.flatMap { name, setting in
            setting.conditions.filter { !$0.matchesAll }.map { condition in
                Filter(
                    line: condition.line, text: condition.filter ?? "",
                    seesModels: method.parameter(name)?.seesModels ?? false)
            }
        }
    }

    /// Notes a tensor as a model calls it, and the output that it goes into.
    mutating func see(_ name: String, output: String, slice: Int, ordinal: Int) {
        for level in [Level.source(slice: slice, ordinal: ordinal), .slice(slice), .merge] {
            match(name, level, seesModels: true)
        }
        match(output, .source(slice: slice, ordinal: ordinal), seesModels: false)
    }

    /// Notes a tensor of the output.
    mutating func see(output: String, slice: Int) {
        for level in [Level.slice(slice), .merge] { match(output, level, seesModels: false) }
    }

    private mutating func match(_ name: String, _ level: Level, seesModels: Bool) {
        guard let filters = open[level] else { return }
        let found = filters.filter { $0.seesModels == seesModels && name.containsText($0.text) }
        guard !found.isEmpty else { return }
        matched.formUnion(found)
        let rest = filters.filter { !matched.contains($0) }
        open[level] = rest.isEmpty ? nil : rest
    }

    /// Warns of each filter that matched nothing.
    func report(into list: inout ProblemList) {
        let unmatched = Set(open.values.joined()).subtracting(matched)
        for filter in unmatched.sorted(by: { ($0.line, $0.text) < ($1.line, $1.text) }) {
            list.warn(filter.line, "the filter '\(filter.text)' matches no tensor: its value is never taken")
        }
    }
}
