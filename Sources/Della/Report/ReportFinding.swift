/// Something about a merge that stands out, in words.
public struct ReportFinding: Hashable, Sendable {
    /// What sort of thing it is, as `report.json` has it.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// NaN or infinities in the output.
        case nonfinite
        /// A model that is the reference.
        case sameAsReference = "same_as_reference"
        /// A model that hardly differs from the reference.
        case nearReference = "near_reference"
        /// Two models that are the same, or nearly.
        case sameModels = "same_models"
        /// A model whose differences are many times another's.
        case unevenModels = "uneven_models"
        /// Layers that no model differs in, or that the merge leaves as they are.
        case untouchedLayers = "untouched_layers"
        /// An embedding or a head that moved far more than the layers.
        case outsideMoved = "outside_moved"
        /// Tensors that moved far more than those of their kind in the layers around them, or experts more than others.
        case scaleJump = "scale_jump"
    }

    /// What sort of thing it is.
    public var kind: Kind
    /// A sentence or two.
    public var text: String
}
