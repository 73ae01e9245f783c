import StreamIO
import SystemPackage

/// A model's folder, opened: headers and `config.json`, whatever names the config has for it.
struct OpenFolder: Sendable {
    let checkpoint: Checkpoint
    let profile: ModelProfile
    /// Layers by stack, the stack's prefix as key: one more than its highest layer.
    let stacks: [String: Int]
    /// The prefix of the text model's layers, `model.layers.`; `nil` for a model without layers.
    let mainStack: String?
    /// The place of the embedding that a tied head stands for.
    let embedding: Int?
    /// Weights of 8 bits.
    let scaledCount: Int
    /// What tensors of it may be copies of.
    let originals: TiedCopy.Originals

    /// Opens a folder that the library has found.
    ///
    /// - Parameter room: bytes of memory that its tensors may take.
    static func open(
        _ folder: FilePath, of library: ModelLibrary, room: UInt64, isStopped: () -> Bool
    ) -> Result<OpenFolder, FolderProblem> {
        if let standIn = ModelStandIn(in: folder, of: library.readable) { return .failure(.standIn(standIn)) }
        do {
            let checkpoint = try Checkpoint(
                opening: folder, in: library.readable, room: room, isStopped: isStopped)
            let profile = try ModelProfile(folder: folder, library: library)
            return .success(OpenFolder(checkpoint: checkpoint, profile: profile, isStopped: isStopped))
        } catch let error as CheckpointError {
            return .failure(.checkpoint(error))
        } catch let error as ProfileError {
            return .failure(.profile(error))
        } catch {
            preconditionFailure("all errors of opening are typed: \(error)")
        }
    }

    private init(checkpoint: Checkpoint, profile: ModelProfile, isStopped: () -> Bool) {
        self.checkpoint = checkpoint
        self.profile = profile
        var counts: [String: Int] = [:]
        var bytes: [String: UInt64] = [:]
        var embedding: Int?
        var scaledCount = 0
        var originals = TiedCopy.Originals()
        for (place, tensor) in checkpoint.tensors.enumerated() where !isStopped() {
            if tensor.type.isFloat8 { scaledCount += 1 }
            if embedding == nil, Self.isEmbedding(tensor.name) { embedding = place }
            originals.note(tensor.name, at: place)
            guard let position = LayerPosition(tensor.name) else { continue }
            counts[position.stack] = max(counts[position.stack] ?? 0, position.layer + 1)
            bytes[position.stack, default: 0] += tensor.byteCount
        }
        self.embedding = embedding
        self.scaledCount = scaledCount
        self.originals = originals
        stacks = counts
        mainStack = Self.mainStack(counts, bytes, layers: profile.layerCount)
    }

    private static func isEmbedding(_ name: String) -> Bool {
        let ends = [
            "embed_tokens.weight", "wte.weight", "word_embeddings.weight", "tok_embeddings.weight",
            "embed_in.weight", "shared.weight", "backbone.embeddings.weight", "backbone.embedding.weight",
            "text_model.embeddings.token_embedding.weight", "text_model.token_embedding.weight",
        ]
        return ends.contains { name == $0 || name.hasSuffix("." + $0) }
    }

    /// Of several stacks the text model's: none of the towers for pictures and sound, of an encoder and a decoder the
    /// decoder, then the one with as many layers as the config says, then the largest.
    private static func mainStack(
        _ counts: [String: Int], _ bytes: [String: UInt64], layers: Int?
    ) -> String? {
        func isOf(_ coder: String, _ stack: String) -> Bool {
            stack.split(separator: ".").contains(coder[...])
        }
        let hasBoth =
            counts.keys.contains { isOf("encoder", $0) } && counts.keys.contains { isOf("decoder", $0) }
        func rank(_ stack: String) -> (Int, Int, Int, UInt64, String) {
            let isDecoder = hasBoth && isOf("decoder", stack)
            return (
                NamePart.isTower(stack: stack) || PredictionLayers.isOne(stack) ? 0 : 1, isDecoder ? 1 : 0,
                counts[stack] == layers ? 1 : 0,
                bytes[stack] ?? 0, stack
            )
        }
        return counts.keys.max { rank($0) < rank($1) }
    }
}
