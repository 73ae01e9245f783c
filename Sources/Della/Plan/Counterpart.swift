import StreamIO

/// How the tensor of one model that corresponds to a base's was found.
enum Counterpart {
    case tensor(Checkpoint.Tensor)
    /// The head is tied: the embedding stands for it.
    case tied(Checkpoint.Tensor)
    /// A buffer that the base's stands for.
    case base
    case missing(name: String)
}
