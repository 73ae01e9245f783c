/// Which filters of a config have matched a tensor, to warn of those that match none: most are misspelt.
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
    }

    /// Filters that have matched nothing yet.
    private var open: [Level: [Filter]] = [:]
    /// An anchor puts one filter under several levels, of which one has to match.
    private var matched: Set<Filter> = []

    init(_ config: MergeConfig, slices: [PlannedSlice]) {
        open[.merge] = Self.filters(config.parameters) + Self.filters(config.moduleParameters)
        for (index, slice) in slices.enumerated() {
            open[.slice(index)] = Self.filters(slice.parameters)
            for (ordinal, source) in slice.sources.enumerated() {
                open[.source(slice: index, ordinal: ordinal)] = Self.filters(source.entry.parameters)
            }
        }
        open = open.filter { !$0.value.isEmpty }
    }

    private static func filters(_ table: ParameterTable) -> [Filter] {
        table.settings.values.flatMap(\.conditions).compactMap { condition in
            guard let text = condition.filter, text != "*" else { return nil }
            return Filter(line: condition.line, text: text)
        }
    }

    /// Notes a tensor's name as the filters of a model see it, and those of its slice and of the merge.
    mutating func see(_ name: String, slice: Int, ordinal: Int) {
        match(name, .source(slice: slice, ordinal: ordinal))
        see(name, slice: slice)
    }

    /// Notes a tensor's name as the filters of a slice and of the merge see it.
    mutating func see(_ name: String, slice: Int) {
        match(name, .slice(slice))
        match(name, .merge)
    }

    private mutating func match(_ name: String, _ level: Level) {
        guard let filters = open[level] else { return }
        let found = filters.filter { name.containsText($0.text) }
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
