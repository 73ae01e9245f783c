/// Gives each line of a config the column that the language means it to have.
///
/// Follows the sections of mergekit's language: what a key means is known from its name and from where the lines
/// before it have led; only for `parameters:` the lines after it are looked at too.
struct Reindenter {
    typealias Line = IndentationRepair.Line

    /// The section that a line belongs to.
    private enum Place {
        case top, globalParameters, dellad, tokenizer
        /// Below `modules:`, before and after the module's name.
        case modules, module, moduleParameters
        /// An entry of `models:` or `sources:`, and its parameters.
        case entry, entryParameters
        /// An entry of `slices:`, and its parameters.
        case slice, sliceParameters
    }

    private let source: [Line]
    private(set) var lines: [String] = []

    private var place = Place.top
    /// Columns that a module moves its lists by.
    private var shift = 0
    private var isInSlices = false
    /// Whether the list of models or slices is open, so that `parameters:` may be an entry's.
    private var isInList = false
    private var entryHasParameters = false
    private var entryModel: String?
    /// The column of a parameter whose list or conditions follow on lines of their own.
    private var openParameter: Int?
    private var isInCondition = false
    /// Whether the line before opened a list of its own: `value:`, `layer_range:`.
    private var openList: Int?

    private let base: String?
    private var hasGlobalParameters = false
    /// The line, from 0, of a `parameters:` that could be the last model's or the whole merge's: nothing but the
    /// lost indentation told.
    private(set) var doubtfulLine: Int?

    init(_ source: [Line]) {
        self.source = source
        base = source.first { $0.key == "base_model" && !$0.isItem }?.value
        for index in source.indices {
            let column = column(ofLine: index)
            let content = source[index].content
            lines.append(content.isEmpty ? "" : String(repeating: " ", count: column) + content)
        }
    }

    private static func isParameter(_ key: String) -> Bool {
        MethodRules.parameterNames.contains(key)
    }

    /// The column of an entry of `models:` or `sources:`.
    private var entryColumn: Int { shift + (isInSlices ? 6 : 2) }

    private func column(for place: Place) -> Int {
        switch place {
        case .top, .modules: 0
        case .globalParameters, .dellad, .tokenizer, .module: 2
        case .entry: entryColumn + 2
        case .entryParameters: entryColumn + 4
        case .slice: shift + 4
        case .moduleParameters: shift + 2
        case .sliceParameters: shift + 6
        }
    }

    private mutating func column(ofLine index: Int) -> Int {
        let line = source[index]
        if line.isBlank { return column(for: place) }
        guard let key = line.key else {
            return openList ?? (openParameter ?? column(for: place)) + 2
        }
        if key == "filter" || key == "value", let parameter = openParameter {
            let column = parameter + (line.isItem || !isInCondition ? 2 : 4)
            isInCondition = isInCondition || line.isItem
            openList = line.value == nil ? column + (line.isItem ? 4 : 2) : nil
            return column
        }
        (openParameter, isInCondition, openList) = (nil, false, nil)
        if line.isItem { return itemColumn(line, key) }
        if Self.isParameter(key) {
            let column = column(for: place)
            if line.value == nil { openParameter = column }
            return column
        }
        return sectionColumn(line, key, index)
    }

    /// The column of a line that begins an entry of a list.
    private mutating func itemColumn(_ line: Line, _ key: String) -> Int {
        switch key {
        case "model", "layer_range":
            (place, entryHasParameters) = (.entry, false)
            entryModel = key == "model" ? line.value : nil
            if key == "layer_range", line.value == nil { openList = entryColumn + 4 }
            return entryColumn
        case "sources", "base_model", "parameters":
            place = key == "parameters" ? .sliceParameters : .slice
            return shift + 2
        default:
            return column(for: place)
        }
    }

    /// The column of a key that opens a section or belongs to one.
    private mutating func sectionColumn(_ line: Line, _ key: String, _ index: Int) -> Int {
        switch key {
        case "parameters":
            return parametersColumn(index)
        case "model" where isInList, "layer_range" where isInList:
            place = .entry
            if key == "model" { entryModel = line.value }
            if line.value == nil { openList = entryColumn + 4 }
            return entryColumn + 2
        case "sources" where isInSlices, "base_model" where isInList && place == .slice:
            place = .slice
            return shift + 4
        case "models", "slices":
            (isInList, isInSlices) = (true, key == "slices")
            if place != .module, place != .moduleParameters { shift = 0 }
            place = shift > 0 ? .module : .top
            return shift
        case "modules", "dellad", "tokenizer":
            place = key == "modules" ? .modules : key == "dellad" ? .dellad : .tokenizer
            isInList = false
            return 0
        case _ where place == .modules && line.value == nil:
            (place, shift) = (.module, 4)
            return 2
        case _ where Self.sectionKeys.contains(key) && (place == .dellad || place == .tokenizer):
            return 2
        default:
            (place, isInList, shift) = (.top, false, 0)
            return 0
        }
    }

    private static let sectionKeys: Set<String> = [
        "seed", "shard_size", "memory", "mergekit_compat", "allow_crimes", "retry", "keep", "source",
        "tokens",
        "pad_to_multiple_of",
    ]

    /// Whose parameters these are: an entry's, a slice's or the merge's.
    private mutating func parametersColumn(_ index: Int) -> Int {
        let block = source[(index + 1)...].prefix { line in
            line.isBlank || line.key == nil || ["filter", "value"].contains(line.key ?? "")
                || Self.isParameter(line.key ?? "") && !line.isItem
        }
        var names = Set(block.compactMap(\.key).filter(Self.isParameter))
        if let flow = source[index].value {
            names = Set(MethodRules.parameterNames.filter { flow.containsText($0 + ":") })
        }
        // Without a weight, what only the merge has, or what stands below the base, is not a model's.
        let isMerges =
            !names.contains(ParameterRule.weight.name)
            && (names.contains(where: MethodRules.isMerges) || (entryModel != nil && entryModel == base))
        if isDoubtful(index, after: block.endIndex, names) { doubtfulLine = index }
        if isInList, place == .entry, !entryHasParameters, !isMerges {
            (place, entryHasParameters) = (.entryParameters, true)
            return entryColumn + 2
        }
        if place == .module {
            place = .moduleParameters
            return shift
        }
        let next = source[block.endIndex...].first { !$0.isBlank }
        // Another slice follows, or the merge's parameters do: these are the slice's.
        let isSlices = next?.isItem == true ? next?.key != "model" : next?.key == "parameters"
        if isInList, isInSlices, place != .top, isSlices {
            place = .sliceParameters
            return shift + 4
        }
        (place, isInList, shift, hasGlobalParameters) = (.globalParameters, false, 0, true)
        return 0
    }

    /// Whether a block of parameters after the last entry of a list may be the entry's or the merge's: neither has
    /// another, and both can have these.
    private func isDoubtful(_ index: Int, after end: Int, _ names: Set<String>) -> Bool {
        guard isInList, place == .entry, !entryHasParameters, !hasGlobalParameters,
            source[index].indent == 0,
            !names.allSatisfy(MethodRules.isMerges)
        else { return false }
        return !source[end...].contains { line in
            line.key == "parameters"
                || line.isItem && ["model", "layer_range", "sources"].contains(line.key)
        }
    }
}
