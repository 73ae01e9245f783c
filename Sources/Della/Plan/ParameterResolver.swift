/// Resolves the parameters of one tensor through the levels of a config.
///
/// Levels, the first that has a value wins: source, slice, module, global. Parameters that each model has see
/// that model's name of the tensor in their filters, those of the merge the output's.
struct ParameterResolver {
    /// A value and where it was written; `line` is `nil` for a default.
    struct Resolved {
        var value: Double
        var line: Int?
    }

    var module: ParameterTable
    var global: ParameterTable

    /// The value of a parameter; `nil` where no level has it and it has no default.
    ///
    /// - Parameter source: the model's own level; `nil` for a parameter of the merge.
    func value(
        _ rule: ParameterRule, source: ParameterTable? = nil, slice: ParameterTable, tensor: String, t: Double
    ) -> Resolved? {
        for level in [source, slice, module, global] {
            guard let condition = level?.settings[rule.name]?.condition(for: tensor) else { continue }
            let value = rule.kind == .flag ? condition.flag(at: t) ? 1 : 0 : condition.number(at: t)
            return Resolved(value: value, line: condition.line)
        }
        return rule.standard.map { Resolved(value: $0) }
    }

    /// What a model has of its own of a parameter of the merge; `nil` where it has nothing.
    func ownValue(_ rule: ParameterRule, source: ParameterTable, tensor: String, t: Double) -> Double? {
        source.settings[rule.name]?.condition(for: tensor)?.number(at: t)
    }

    /// Whether the config may give another value than it seems to, as a part of it could not be read.
    func mayHide(_ rule: ParameterRule, source: ParameterTable? = nil, slice: ParameterTable) -> Bool {
        [source, slice, module, global].contains { $0?.mayHide(rule.name) ?? false }
    }
}
