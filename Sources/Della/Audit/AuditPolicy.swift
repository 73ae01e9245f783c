/// How much of a merge is computed anew, before it is published.
public enum AuditPolicy: Hashable, Sendable, CustomStringConvertible {
    /// Nothing.
    case off
    /// A row of every tensor, and then what a hundredth of the merge's time allows.
    case auto
    /// A row of every tensor, and about that share of all rows: above 0, up to 1.
    case share(Double)

    /// The part of the merge's time that `auto` takes.
    static let timeShare = 0.01

    /// `auto`, `off`, or a share: `0.1%`, `0.1 %`, or a number up to 1, which is all. `nil` for anything else.
    public init?(_ text: String) {
        switch text {
        case "auto": self = .auto
        case "off": self = .off
        default:
            guard let share = Self.share(text) else { return nil }
            self = .share(share)
        }
    }

    /// A share: `0.1%`, `0.1 %`, or a number up to 1. `nil` for anything else, and for none or more than all.
    public static func share(_ text: String) -> Double? {
        let isPercent = text.hasSuffix("%")
        let digits = isPercent ? text.dropLast() : Substring(text)
        let number = digits.last == " " ? digits.dropLast() : digits
        // No word, like nan, and no hexadecimal.
        guard number.first?.isNumber == true || number.first == ".", !number.contains("x"),
            let value = Double(number)
        else { return nil }
        let share = isPercent ? value / 100 : value
        return share > 0 && share <= 1 ? share : nil
    }

    /// What `init` reads as the same.
    public var description: String {
        switch self {
        case .off: "off"
        case .auto: "auto"
        case .share(let share): "\(share)"
        }
    }

    /// What a share is to look like, for messages.
    public static let shareForm = "0.1%, or a number up to 1, which is all"
}
