/// The parameters of one level, by name.
struct ParameterTable: Hashable, Sendable {
    var settings: [String: ParameterSetting] = [:]
    /// Parameters whose values could not be read.
    var unread: Set<String> = []
    /// Lines of parameters of the merge alone, which change nothing where they stand, under a model.
    var idle: [String: Int] = [:]
    /// Whether something in it could not be read that may have been meant as any parameter.
    var isDamaged = false

    /// Whether a parameter is written here, or may have been meant, and is not known: whatever else it would
    /// resolve to says nothing.
    func mayHide(_ name: String) -> Bool { isDamaged || unread.contains(name) }
}
