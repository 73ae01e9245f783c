/// A config as a value, from which its text is written and by which the reference merges.
///
/// Models are numbers: positions in a list of the case's models.
struct Recipe {
    struct Condition {
        /// A part of the tensor's name; `nil` and `*` match all.
        var filter: String?
        /// A number, or a gradient.
        var values: [Double]
    }

    /// A parameter's conditions, the first that matches taken.
    typealias Setting = [Condition]
    typealias Parameters = [String: Setting]

    struct Source {
        var model: Int
        var layers: Range<Int>?
        var parameters: Parameters = [:]
    }

    struct Slice {
        var base: Int?
        var sources: [Source]
        var parameters: Parameters = [:]
    }

    enum Layout {
        case models([Source])
        case slices([Slice])
    }

    var method: String
    var base: Int?
    var layout: Layout
    /// Whether the layout stands in a module, with parameters of its own.
    var isModule = false
    var moduleParameters: Parameters = [:]
    var parameters: Parameters = [:]
    var dtype: StoredType?
    var outType: StoredType?
    var seed: UInt64?
    /// Bytes of tensors in a file, and how that is written.
    var shardSize: (bytes: Int, text: String)?
    var ignoresOwnLambda: Bool?
    /// Whose tokens the output has; `nil` goes by position.
    var tokenizer: TokenizerRecipe?
    /// Selects among the ways in which YAML says the same.
    var style: UInt64 = 0

    /// The sources, whatever they stand in.
    var sources: [Source] {
        switch layout {
        case .models(let sources): sources
        case .slices(let slices): slices.flatMap(\.sources)
        }
    }

    /// Changes every source.
    mutating func mapSources(_ change: (inout Source) -> Void) {
        mapSlices { slice in
            for index in slice.sources.indices { change(&slice.sources[index]) }
        }
    }

    /// Changes every slice; `models` is one.
    mutating func mapSlices(_ change: (inout Slice) -> Void) {
        switch layout {
        case .models(let sources):
            var slice = Slice(sources: sources)
            change(&slice)
            layout = .models(slice.sources)
        case .slices(var slices):
            for index in slices.indices { change(&slices[index]) }
            layout = .slices(slices)
        }
    }
}

extension Recipe {
    /// The value of a parameter for a tensor: of the first level that has one.
    static func value(
        _ name: String, isFlag: Bool, levels: [Parameters], tensor: String, t: Double
    ) -> Double? {
        for level in levels {
            for condition in level[name] ?? [] {
                let isMatch =
                    condition.filter == nil || condition.filter == "*" || tensor.contains(condition.filter!)
                if isMatch { return isFlag ? entry(condition.values, t) : gradient(condition.values, t) }
            }
        }
        return nil
    }

    /// Between neighbours, `(1−f)·a + f·b`.
    private static func gradient(_ values: [Double], _ t: Double) -> Double {
        if values.count == 1 { return values[0] }
        let place = t * Double(values.count - 1)
        let low = min(Int(place), values.count - 1)
        let f = place - Double(low)
        return (1 - f) * values[low] + f * values[min(low + 1, values.count - 1)]
    }

    /// Truth values are not interpolated: the entry before holds.
    private static func entry(_ values: [Double], _ t: Double) -> Double {
        values[min(Int(t * Double(values.count - 1)), values.count - 1)]
    }
}
