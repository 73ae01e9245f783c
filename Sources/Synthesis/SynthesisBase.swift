import StreamIO
import SystemPackage

/// The tensors of the checkpoint that a fine-tune is made of, by the position of the shape's tensors.
struct SynthesisBase: Sendable {
    /// Where one tensor's bytes are.
    struct Source: Sendable {
        var file: FilePath
        /// First byte in the file.
        var offset: UInt64
    }

    let sources: [Source]

    /// Finds each of `tensors` in the checkpoint below `folder`.
    ///
    /// - Parameter ofAnyType: whether the base's elements may be of another type.
    init(
        opening folder: FilePath, tensors: [CheckpointShape.Tensor], ofAnyType: Bool = false
    ) throws(SynthesisFailure) {
        let checkpoint: Checkpoint
        do {
            checkpoint = try Checkpoint(opening: folder)
        } catch {
            throw error.isMissingInput ? .missingBase("\(error)") : .unfitBase("\(error)")
        }
        var sources: [Source] = []
        for tensor in tensors {
            guard let found = checkpoint.tensor(named: tensor.name) else {
                throw .unfitBase("\(folder): no tensor \(tensor.name) (use the --shape that the base has)")
            }
            guard ofAnyType || found.type == .bf16, found.shape == tensor.shape else {
                throw .unfitBase(
                    "\(folder): \(tensor.name) is \(found.type.rawValue) \(found.shape), not BF16 \(tensor.shape) "
                        + "(use the --shape, --layers and --vocabulary that the base has, and a base in bfloat16)"
                )
            }
            sources.append(Source(file: checkpoint.shards[found.shard].path, offset: found.offset))
        }
        self.sources = sources
    }
}
