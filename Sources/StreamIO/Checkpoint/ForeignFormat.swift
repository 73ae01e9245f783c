/// The formats of other programs that weights come in, by the ends of their files' names.
enum ForeignFormat: String, CaseIterable {
    case tensorFlow = "h5"
    case flax = "msgpack"
    case onnx = "onnx"
    case gguf = "gguf"

    init?(fileName: String) {
        let name = fileName.lowercased()
        guard let format = Self.allCases.first(where: { name.hasSuffix("." + $0.rawValue) }) else {
            return nil
        }
        self = format
    }

    /// What it is called.
    var name: String {
        switch self {
        case .tensorFlow: "TensorFlow's format"
        case .flax: "Flax's format"
        case .onnx: "ONNX"
        case .gguf: "GGUF"
        }
    }

    /// What to do with such a model.
    var remedy: String {
        switch self {
        case .tensorFlow:
            "name a folder with safetensors, or convert it with transformers 4: from_pretrained(…, from_tf=True) and "
                + "save_pretrained"
        case .flax:
            "name a folder with safetensors, or convert it with transformers 4: from_pretrained(…, from_flax=True) and "
                + "save_pretrained"
        case .onnx, .gguf: "name the safetensors model that it was made from"
        }
    }
}
