/// Which files of a model a merge may need: weights, configuration, tokenizer and templates, and nothing that is run.
enum WantedFiles {
    /// As patterns, for a downloader that cannot list: what there are weights of in `.bin` files is asked for when no
    /// others came.
    static let patterns = [
        "*.safetensors", "*.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.txt",
        "merges.txt", "*.tiktoken", "*.spm", "*.jinja",
    ]
    static let torchPatterns = ["pytorch_model*.bin", "adapter_model.bin"]

    private static let names: Set<String> = [
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.txt", "merges.txt",
    ]
    private static let suffixes = [".json", ".tiktoken", ".spm", ".jinja"]
    private static let templates = "additional_chat_templates/"

    /// Those of a model's files that are wanted, in their order.
    static func of(_ files: [HubFile]) -> [HubFile] {
        let weights = files.filter { isTop($0.path) && $0.path.hasSuffix(".safetensors") }
        // Mistral's own format beside the usual one has every weight a second time.
        let usual = weights.filter { !$0.path.hasPrefix("consolidated") }
        let wanted = Set((usual.isEmpty ? weights : usual).map(\.path))
        return files.filter { file in
            wanted.contains(file.path) || isText(file.path) || weights.isEmpty && isTorch(file.path)
        }
    }

    private static func isTop(_ path: String) -> Bool { !path.contains("/") }

    private static func isText(_ path: String) -> Bool {
        if path.hasPrefix(templates) { return path.hasSuffix(".jinja") && path.count { $0 == "/" } == 1 }
        return isTop(path) && (names.contains(path) || suffixes.contains { path.hasSuffix($0) })
    }

    private static func isTorch(_ path: String) -> Bool {
        path == "adapter_model.bin"
            || isTop(path) && path.hasPrefix("pytorch_model") && path.hasSuffix(".bin")
    }
}
