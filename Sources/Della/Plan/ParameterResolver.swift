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

    var method: MergeMethod
    var module: ParameterTable
    var global: ParameterTable

    /// A parameter that each model has, or the merge's `lambda`; `nil` where no level has it.
    func number(
        _ name: ParameterName, source: ParameterTable? = nil, slice: ParameterTable, tensor: String, t: Double
    ) -> Resolved? {
        for level in [source, slice, module, global] {
            if let setting = level?.settings[name.rawValue], let condition = setting.condition(for: tensor) {
                return Resolved(value: condition.number(at: t), line: condition.line)
            }
        }
        return nil
    }

    /// `rescale` or `normalize`.
    func flag(_ name: ParameterName, slice: ParameterTable, tensor: String, t: Double) -> Bool {
        for level in [slice, module, global] {
            if let setting = level.settings[name.rawValue], let condition = setting.condition(for: tensor) {
                return condition.flag(at: t)
            }
        }
        return name == .normalize ? method.normalizesByDefault : name == .rescale
    }

    /// `lambda` under a model, which mergekit ignores; `nil` where there is none.
    func ownLambda(source: ParameterTable, tensor: String, t: Double) -> Double? {
        source.settings["lambda"]?.condition(for: tensor)?.number(at: t)
    }
}
