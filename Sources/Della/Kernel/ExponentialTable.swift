/// The exponentials of all values of the 16-bit formats: 512 KiB each, made when first asked for, and kept.
struct ExponentialTable: @unchecked Sendable {
    private let values: UnsafePointer<Double>

    private static let bfloat16 = Self(.bfloat16)
    private static let float16 = Self(.float16)

    private init(_ format: FloatFormat) {
        let values = UnsafeMutablePointer<Double>.allocate(capacity: 1 << 16)
        // The same at every level.
        KernelTable.baseline.tabulateExponentials(Int32(format.rawValue), values)
        self.values = UnsafePointer(values)
    }

    /// By their bits, for as long as the process lives; `nil` of 32 bits.
    static func values(of format: FloatFormat) -> UnsafePointer<Double>? {
        switch format {
        case .bfloat16: bfloat16.values
        case .float16: float16.values
        case .float32: nil
        }
    }
}
