import StreamIO
import SystemPackage

/// What a folder has in place of a model: something made from one that cannot be merged as it is.
enum ModelStandIn: Hashable {
    case adapter
    /// Weights in llama.cpp's format; the first such file.
    case gguf(file: String)

    /// `nil` for a folder with weights that may be a model's, or with nothing known.
    init?(in folder: FilePath, of folders: ReadableFolders) {
        let names = (try? folders.entries(of: folder, limit: Checkpoint.entryLimit)) ?? []
        let hasWeights = names.contains { name in
            let isModels = name.hasPrefix("model") || name.hasPrefix("pytorch_model")
            return isModels && [".safetensors", ".bin", ".index.json"].contains { name.hasSuffix($0) }
        }
        guard !hasWeights else { return nil }
        if names.contains("adapter_config.json") {
            self = .adapter
        } else if let file = names.first(where: { $0.lowercased().hasSuffix(".gguf") }),
            !names.contains(where: { $0.hasSuffix(".safetensors") })
        {
            self = .gguf(file: file)
        } else {
            return nil
        }
    }

    /// What is wrong, after the model's name.
    var problem: String {
        switch self {
        case .adapter: "is an adapter (LoRA), not a model: it only holds differences to its base"
        case .gguf(let file): "is only there as GGUF (\(file)), whose weights are quantised or laid out anew"
        }
    }

    /// What to do.
    var remedy: String {
        switch self {
        case .adapter: "write BASE+ADAPTER, with the model that it was made for"
        case .gguf: "name the safetensors model that it was made from"
        }
    }
}
