/// A checkpoint as a value, from which its folder is written.
struct ModelRecipe {
    struct Tensor {
        var name: String
        var type: StoredType
        var shape: [Int]
        var contents: TensorContents
        /// Which of the model's files it is in.
        var file = 0
    }

    /// Of the folder below the models' folder; may have two parts.
    var name: String
    /// Among the case's models: others are near to number 0.
    var number: Int
    /// In the order of their data.
    var tensors: [Tensor]
    /// By file: where the data begin after a multiple of 4096 bytes; `nil` right after the header.
    var alignments: [Int?]
    var layers: Int
    /// What `config.json` says of a head that is the embedding; `nil` for nothing.
    var tiesHead: Bool?

    func write(below root: String) throws {
        let groups = alignments.enumerated().map { file, alignment in
            (
                tensors: tensors.filter { $0.file == file }.map { tensor in
                    let count = tensor.shape.reduce(1, *)
                    return TensorFile.Tensor(
                        name: tensor.name, type: tensor.type, shape: tensor.shape,
                        bytes: tensor.contents.bytes(tensor.type, count: count, model: number))
                }, alignment: alignment
            )
        }
        let tie = tiesHead.map { ", \"tie_word_embeddings\": \($0)" } ?? ""
        // A model has a layer, or says nothing of layers.
        let count = layers > 0 ? ", \"num_hidden_layers\": \(layers)" : ""
        try CheckpointFolder.write(
            groups.filter { !$0.tensors.isEmpty },
            config: "{\"model_type\": \"llama\"\(count)\(tie)}",
            to: root + "/" + name)
    }
}
