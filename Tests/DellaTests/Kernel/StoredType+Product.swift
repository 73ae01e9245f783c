import Della
import StreamIO

@testable import MergeReference

// The reference has types of its own. Tests of the product's parts speak of the product's.

extension ElementType {
    var stored: StoredType { StoredType(rawValue: rawValue)! }
}

extension FloatFormat {
    var stored: StoredType { elementType.stored }
}

extension ReferenceFormat {
    static func decode(_ type: ElementType, _ bytes: [UInt8]) -> [Float] { decode(type.stored, bytes) }

    static func encode(_ values: [Float], as format: FloatFormat) -> [UInt8] {
        encode(values, as: format.stored)
    }

    static func round(_ value: Float, to format: FloatFormat) -> Float { round(value, to: format.stored) }

    static func pattern(_ value: Float, _ format: FloatFormat) -> UInt16 { pattern(value, format.stored) }
}
