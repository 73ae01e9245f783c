import StreamIO

/// How the tensor of one model that corresponds to a base's was found.
enum Counterpart {
    case tensor(Checkpoint.Tensor)
    /// It is a copy of another one, which stands for it: the embedding for a head.
    case tied(Checkpoint.Tensor)
    /// The model's code computes it, and the base's stands for it.
    case computed
    /// A part that a text model cannot have, or layers that predict further tokens in one without: the base's.
    case part
    case missing(name: String)
}
