/// What a config may ask for at most. More is refused, with the line where it becomes too much.
enum PlanLimits {
    /// Models of one config, each counted once.
    static let models = 256
    /// Slices of one config.
    static let slices = 4096
    /// Tensors of one output; the largest models of today have some 100,000.
    static let tensors = 500_000
    /// Ids of a tokenizer lie below this one; the largest vocabularies have 2^18.
    static let ids = 1 << 20
}
