import StreamIO

/// The types that a merge computes in and writes: `dtype` and `out_dtype`.
public enum FloatFormat: UInt8, Sendable, CaseIterable {
    case bfloat16, float16, float32

    /// The size of one value, in bytes.
    public var byteWidth: Int { self == .float32 ? 4 : 2 }

    /// The name of the type in a safetensors header.
    public var elementType: ElementType {
        switch self {
        case .bfloat16: .bf16
        case .float16: .f16
        case .float32: .f32
        }
    }

    /// The name of the type in a config, which is torch's.
    public var name: String { "\(self)" }

    /// The format of a stored type: F64 computes as float32. `nil` where the type cannot be computed.
    public init?(_ type: ElementType) {
        switch type {
        case .bf16: self = .bfloat16
        case .f16: self = .float16
        case .f32, .f64: self = .float32
        default: return nil
        }
    }

    /// The format named in a config: `bfloat16`, `float16` or `float32`.
    public init?(name: some StringProtocol) {
        guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
}
