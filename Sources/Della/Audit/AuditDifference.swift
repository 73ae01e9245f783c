import SystemPackage

/// The first thing of a merged model that is not what its inputs and its config make of it.
public struct AuditDifference: Hashable, Sendable, CustomStringConvertible {
    /// What differs.
    public enum Place: Hashable, Sendable {
        /// An element of a row, and its bits, of as many digits in hexadecimal.
        case element(row: Int, column: Int, expected: UInt32, found: UInt32, digits: Int)
        /// A byte of a tensor that is copied.
        case byte(Int, expected: UInt8, found: UInt8)
        /// A word of what the record has of the whole tensor.
        case constant(Int, expected: UInt32, found: UInt32)
        /// The tensor's type, shape or place, or that it is there.
        case layout(expected: String, found: String)
    }

    /// The output tensor's name.
    public var tensor: String
    /// The output's file that holds it.
    public var file: FilePath
    public var place: Place

    /// What differs, without a remedy: one line.
    public var description: String {
        switch place {
        case .element(let row, let column, let expected, let found, let digits):
            "\(file): \(tensor), row \(row), element \(column): holds \(Self.value(found, digits)), "
                + "computed anew it is \(Self.value(expected, digits))"
        case .byte(let byte, let expected, let found):
            "\(file): \(tensor), byte \(byte): holds \(Self.hexadecimal(UInt32(found), 2)), "
                + "the base has \(Self.hexadecimal(UInt32(expected), 2))"
        case .constant(let word, let expected, let found):
            "\(file): \(tensor): constant \(word) of the record is \(Self.value(found, 8)), "
                + "computed anew it is \(Self.value(expected, 8))"
        case .layout(let expected, let found):
            "\(file): \(tensor): holds \(found), the merge gives \(expected)"
        }
    }

    private static func value(_ bits: UInt32, _ digits: Int) -> String {
        digits == 8
            ? "\(Float(bitPattern: bits)) (\(hexadecimal(bits, 8)))" : hexadecimal(bits, digits)
    }

    private static func hexadecimal(_ bits: UInt32, _ digits: Int) -> String {
        "0x" + bits.hexadecimal.suffix(digits)
    }
}
