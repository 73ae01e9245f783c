import StreamIO

/// What was found in the weights of a merge, NaN and infinity above all, put together by where it was found: as large for a merge
/// of 100,000 such tensors as for one of three.
public struct WeightFindings: Hashable, Sendable {
    /// Where values were found.
    enum Place: Hashable, Comparable {
        /// In a model: 0 is the base, then the others in their order.
        case input(Int)
        /// In a model once its weights are in the type that is computed in, which holds smaller ones than they were
        /// stored in.
        case rounded(Int)
        /// In the output, of inputs that hold such values.
        case result
        /// In the output, of inputs that hold none.
        case overflow
        /// No such values, but inputs of `multislerp` that cancel out.
        case opposed
    }

    /// What was found at one place.
    struct Entry: Hashable, Sendable {
        var tensors: UInt64
        var nans: UInt64
        var infinities: UInt64
        /// Names of the first tensors, printable and cut.
        var names: [String]
    }

    /// Names that are kept of a place, and characters of one, at most.
    private static let nameLimit = 3
    private static let nameLength = 200

    private(set) var entries: [Place: Entry] = [:]

    /// Nothing found.
    public init() {}

    /// Whether nothing was found.
    public var isEmpty: Bool { entries.isEmpty }

    /// Adds what was found in one tensor.
    mutating func add(_ count: NonfiniteCount, at place: Place, tensor name: String) {
        add(
            Entry(
                tensors: 1, nans: UInt64(clamping: count.nans),
                infinities: UInt64(clamping: count.infinities),
                names: [name.printable(atMost: Self.nameLength)]), at: place)
    }

    /// Adds what was found in later tensors.
    mutating func add(_ others: Self) {
        for (place, entry) in others.entries { add(entry, at: place) }
    }

    private mutating func add(_ entry: Entry, at place: Place) {
        guard var known = entries[place] else {
            entries[place] = entry
            return
        }
        known.tensors = known.tensors.addingSaturated(entry.tensors)
        known.nans = known.nans.addingSaturated(entry.nans)
        known.infinities = known.infinities.addingSaturated(entry.infinities)
        known.names += entry.names.prefix(max(0, Self.nameLimit - known.names.count))
        entries[place] = known
    }

    /// A line for each place.
    ///
    /// - Parameter modelNames: the base's, then the others'.
    func warnings(modelNames: [String]) -> [String] {
        entries.sorted { $0.key < $1.key }.map { place, entry in
            let holder =
                switch place {
                case .input(let model), .rounded(let model):
                    model < modelNames.count ? modelNames[model] : "input \(model)"
                case .result: "the result"
                case .overflow: "overflowed: the result"
                case .opposed: ""
                }
            let values =
                switch place {
                case .opposed:
                    "the models cancel out, and no point of the sphere is between them: mixed linearly"
                case .rounded:
                    "\(holder) holds \(entry.nans) NaN and \(entry.infinities) infinite values once it is in dtype "
                        + "(if it has none by itself, write dtype: bfloat16 or float32)"
                default: "\(holder) holds \(entry.nans) NaN and \(entry.infinities) infinite values"
                }
            let names = entry.names.joined(separator: ", ")
            guard entry.tensors > 1 else { return "\(names): \(values)".printable }
            let others = entry.tensors.subtractingSaturated(UInt64(entry.names.count))
            return "\(values) in \(entry.tensors) tensors: \(names)\(others > 0 ? " and \(others) more" : "")"
                .printable
        }
    }
}

// MARK: In the journal

extension WeightFindings.Place {
    fileprivate var text: String {
        switch self {
        case .input(let model): "\(model)"
        case .rounded(let model): "rounded \(model)"
        case .result: "result"
        case .overflow: "overflow"
        case .opposed: "opposed"
        }
    }

    fileprivate init?(_ text: String) {
        switch text {
        case "result": self = .result
        case "overflow": self = .overflow
        case "opposed": self = .opposed
        default:
            let words = text.split(separator: " ", omittingEmptySubsequences: false)
            guard let model = words.last.flatMap({ Int($0) }), model >= 0,
                words.count == 1 || words.count == 2 && words[0] == "rounded"
            else { return nil }
            self = words.count == 1 ? .input(model) : .rounded(model)
        }
    }
}

extension WeightFindings {
    var json: JSON {
        .array(
            entries.sorted { $0.key < $1.key }.map { place, entry in
                .object(
                    JSONObject([
                        ("place", .string(place.text)), ("tensors", .int(entry.tensors)),
                        ("nan", .int(entry.nans)), ("infinite", .int(entry.infinities)),
                        ("names", .array(entry.names.map(JSON.string))),
                    ]))
            })
    }

    /// Reads what `json` writes; `nil` for anything else.
    init?(_ json: JSON) {
        guard let list = json.arrayValue else { return nil }
        for item in list {
            guard let place = item["place"]?.stringValue.flatMap({ Place($0) }), entries[place] == nil,
                let tensors = item["tensors"]?.countValue, let nans = item["nan"]?.countValue,
                let infinities = item["infinite"]?.countValue,
                let names = item["names"]?.arrayValue?.compactMap(\.stringValue),
                (1...Self.nameLimit).contains(names.count)
            else { return nil }
            // A name is spelled when it is noted, which may take several characters for one.
            guard names.allSatisfy({ $0.utf8.count <= 16 * Self.nameLength }) else { return nil }
            entries[place] = Entry(tensors: tensors, nans: nans, infinities: infinities, names: names)
        }
    }
}
