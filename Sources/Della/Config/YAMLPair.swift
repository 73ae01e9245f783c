/// A key of a mapping, where it stands, and its value.
struct YAMLPair: Sendable {
    var key: String
    var line: Int
    var value: YAMLNode
}
