/// The element types of a safetensors file that the reference reads, by their names in a header.
enum StoredType: String, CaseIterable {
    case f64 = "F64"
    case f32 = "F32"
    case f16 = "F16"
    case bf16 = "BF16"
    case i64 = "I64"
    case i32 = "I32"
    case i16 = "I16"
    case i8 = "I8"
    case u8 = "U8"
    case bool = "BOOL"
    /// Of quantised models, which are refused.
    case f8 = "F8_E4M3"

    /// The types that a merge computes with.
    static let floats: [StoredType] = [.f64, .f32, .f16, .bf16]

    /// The types that a merge computes in and writes.
    static let formats: [StoredType] = [.bf16, .f16, .f32]

    /// Bytes of one element.
    var byteWidth: Int {
        switch self {
        case .f64, .i64: 8
        case .f32, .i32: 4
        case .f16, .bf16, .i16: 2
        case .i8, .u8, .bool, .f8: 1
        }
    }

    var isFloat: Bool { Self.floats.contains(self) }

    var isInteger: Bool { !isFloat && self != .f8 }

    /// What a config calls it; `nil` for a type that no config names.
    var configName: String? {
        switch self {
        case .bf16: "bfloat16"
        case .f16: "float16"
        case .f32: "float32"
        default: nil
        }
    }
}
