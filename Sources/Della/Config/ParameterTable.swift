/// The parameters of one level, by name.
struct ParameterTable: Hashable, Sendable {
    var settings: [String: ParameterSetting] = [:]
    /// Whether something in it could not be read, so that a missing parameter may be the one that was meant.
    var isDamaged = false
}
