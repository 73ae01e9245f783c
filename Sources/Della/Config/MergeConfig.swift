/// What a config says, with the line of each construct, before any model is looked at.
///
/// Parts that were missing or wrong are `nil`; the problems found tell of them.
struct MergeConfig: Sendable {
    /// A value and the line where it stands.
    struct Located<Value: Sendable>: Sendable {
        var value: Value
        var line: Int
    }

    /// A model that takes part: an entry of `models`, or of a slice's `sources`.
    struct Source: Sendable {
        var model: ModelReference
        /// Where the entry begins.
        var line: Int
        /// The layers taken, in a slice; all of them in `models`.
        var layers: Located<Range<Int>>?
        /// The range as written where a number of it is negative, and so none is taken.
        var negativeLayers: Located<String>?
        var parameters = ParameterTable()
        /// Whether it is the base, which takes part as one more model though the list does not have it.
        var isAppended = false
    }

    /// A run of output layers.
    struct Slice: Sendable {
        var line: Int
        var sources: [Source]
        var base: Located<ModelReference>?
        var parameters = ParameterTable()
        /// Whether a source could not be read, which may be the base or give the slice its length.
        var isDamaged = false
    }

    /// How the output is put together.
    enum Layout: Sendable {
        case models([Source])
        case slices([Slice])
    }

    /// The text of a chat template, one of the built-in names, or `auto`.
    typealias ChatTemplate = Located<String>

    /// The `dellad:` section.
    struct DelladSection: Sendable {
        var seed: UInt64?
        /// Bytes.
        var shardSize: UInt64?
        /// Bytes.
        var memory: Located<UInt64>?
        var followsMergekit = false
        /// Whether models of different architectures may be merged.
        var allowsCrimes = false
        var retries = 0
        /// Whether what a document of a recipe makes is published beside the result.
        var keep: Located<Bool>?
    }

    /// What other documents of a recipe call what this one makes; `nil` for one that has no name, and outside of recipes.
    var name: Located<String>?

    var method: MethodRules?
    /// Where `merge_method` stands.
    var methodLine: Int?
    var base: Located<ModelReference>?
    var layout: Layout?
    /// The line of `models`, `slices` or `modules`.
    var layoutLine: Int?
    /// `parameters` of the one module, where the config is written with `modules`.
    var moduleParameters = ParameterTable()
    var parameters = ParameterTable()
    var format: FloatFormat?
    var outputFormat: FloatFormat?
    var chatTemplate: ChatTemplate?
    /// What is said of the output's vocabulary; `nil` where rows go by position.
    var tokenizer: TokenizerSetting?
    var dellad = DelladSection()

    /// The method, or the one that is assumed where there is none to find what else is wrong.
    var rules: MethodRules { method ?? .della }

    /// The model whose config.json and companions the output gets: the base, else the first listed.
    var outputModel: Located<ModelReference>? {
        base ?? slices.first?.sources.first.map { Located(value: $0.model, line: $0.line) }
    }

    /// Slices as written, `models` as the one slice that it is.
    var slices: [Slice] {
        switch layout {
        case .models(let sources): [Slice(line: layoutLine ?? 1, sources: sources)]
        case .slices(let slices): slices
        case nil: []
        }
    }

    /// Changes the models that take part, each beside the base that it is merged with.
    mutating func updateSources(_ update: (inout Source, ModelReference?) -> Void) {
        switch layout {
        case .models(var sources):
            for index in sources.indices { update(&sources[index], base?.value) }
            layout = .models(sources)
        case .slices(var slices):
            for slice in slices.indices {
                let base = slices[slice].base?.value ?? base?.value
                for index in slices[slice].sources.indices { update(&slices[slice].sources[index], base) }
            }
            layout = .slices(slices)
        case nil: break
        }
    }

    /// The models as they are named, in the order in which they are opened, and the lines.
    var namedModels: [(model: ModelReference, line: Int)] {
        var models = base.map { [($0.value, $0.line)] } ?? []
        for slice in slices {
            if let base = slice.base { models.append((base.value, base.line)) }
            models += slice.sources.map { ($0.model, $0.line) }
        }
        return models
    }
    /// Every model that is named anywhere, those of the tokenizer's settings among them, and the lines.
    var mentionedModels: [(model: ModelReference, line: Int)] {
        var models = namedModels
        guard let tokenizer else { return models }
        if case .model(let model) = tokenizer.source { models.append((model, tokenizer.line)) }
        for token in tokenizer.tokens {
            switch token.row {
            case .model(let model), .token(let model, _), .id(let model, _):
                models.append((model, token.line))
            case .zero, nil: break
            }
        }
        return models
    }
}
