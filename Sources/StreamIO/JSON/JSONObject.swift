/// The members of a JSON object, in the order written, each key once.
///
/// Keys are compared by their code points: two spellings of "é" are two keys, as they are in Python and Rust.
public struct JSONObject: Hashable, Sendable {
    /// One member.
    public struct Member: Hashable, Sendable {
        /// Any text.
        public var key: String
        /// Of any kind.
        public var value: JSON

        /// One key and its value.
        public init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// In order.
    public private(set) var members: [Member] = []
    private var places: [ExactString: Int] = [:]

    /// Without members.
    public init() {}

    /// Of a literal's or another sequence's members; of equal keys the last wins, in the first's place.
    public init(_ members: some Sequence<(String, JSON)>) {
        for (key, value) in members { self[key] = value }
    }

    /// The number of members.
    public var count: Int { members.count }
    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }
    /// In order.
    public var keys: [String] { members.map(\.key) }

    /// The value of a key. A new key goes to the end; `nil` removes. O(1), removal O(n).
    public subscript(key: String) -> JSON? {
        get { places[ExactString(key)].map { members[$0].value } }
        set {
            let place = places[ExactString(key)]
            switch (newValue, place) {
            case (let value?, let place?): members[place].value = value
            case (let value?, nil): _ = insert(value, for: key)
            case (nil, let place?):
                members.remove(at: place)
                places = Dictionary(
                    uniqueKeysWithValues: members.enumerated().map {
                        (ExactString($0.element.key), $0.offset)
                    })
            case (nil, nil): break
            }
        }
    }

    /// Adds a member at the end. `false`, and no change, where the key is there.
    mutating func insert(_ value: JSON, for key: String) -> Bool {
        guard places[ExactString(key)] == nil else { return false }
        places[ExactString(key)] = members.count
        members.append(Member(key: key, value: value))
        return true
    }

    /// Whether members and their order are equal.
    public static func == (left: Self, right: Self) -> Bool { left.members == right.members }
    /// Of the members, in order.
    public func hash(into hasher: inout Hasher) { hasher.combine(members) }
}
