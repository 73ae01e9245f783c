import Della

extension MergeProgress.Stage {
    /// `second, 2 of 3`; the result of a recipe may have no name.
    var text: String { (name.isEmpty ? "the result" : name) + ", \(number) of \(count)" }
}
