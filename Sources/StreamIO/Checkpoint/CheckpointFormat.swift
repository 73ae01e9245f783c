/// The formats that a checkpoint may have, and what their files are called.
public enum CheckpointFormat: String, Hashable, Sendable {
    case safetensors
    /// Of `torch.save`, since PyTorch 1.6.
    case torch = "bin"

    /// The index that says which file holds which tensor.
    package var indexName: String {
        switch self {
        case .safetensors: "model.safetensors.index.json"
        case .torch: "pytorch_model.bin.index.json"
        }
    }

    /// What a file is called of as many as there are.
    package func fileName(_ index: Int, of count: Int) -> String {
        func digits(_ number: Int) -> String {
            String(repeating: "0", count: max(0, 5 - "\(number)".utf8.count)) + "\(number)"
        }
        return count == 1 ? singleName : "\(stem)-\(digits(index + 1))-of-\(digits(count))\(suffix)"
    }

    /// The only file of a model.
    var singleName: String { stem + suffix }

    /// What files' names end on.
    package var suffix: String {
        switch self {
        case .safetensors: ".safetensors"
        case .torch: ".bin"
        }
    }

    /// What the names of files that are part of a set begin with.
    private var stem: String {
        switch self {
        case .safetensors: "model"
        case .torch: "pytorch_model"
        }
    }

    /// The shards of a set that is complete by its own names, `model-00001-of-00003.safetensors` and so on; `nil`
    /// where there is none, or several.
    func completeSet(_ names: Set<String>) -> [String]? {
        var sets: [String: [String]] = [:]
        for name in names {
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0] == stem, parts[1].utf8.count == 5, parts[2] == "of",
                parts[3].hasSuffix(suffix)
            else { continue }
            sets[String(parts[3].dropLast(suffix.count)), default: []].append(name)
        }
        guard sets.count == 1, let (total, files) = sets.first, let count = Int(total), count == files.count
        else { return nil }
        let numbers = Set(files.compactMap { Int($0.dropFirst(stem.count + 1).prefix(5)) })
        return numbers == Set(1...count) ? files.sorted() : nil
    }

    /// The format of a folder's model: safetensors wherever there are any that may be its own.
    init(_ names: Set<String>) {
        let isSafetensors = names.contains { name in
            name.hasSuffix(Self.safetensors.suffix) && !name.hasPrefix(".") && !name.hasPrefix("consolidated")
                && !name.hasPrefix("adapter_")
        }
        let torch = Self.torch
        let isTorch =
            names.contains(torch.singleName) || names.contains(torch.indexName)
            || torch.completeSet(names) != nil
        self = isTorch && !isSafetensors ? .torch : .safetensors
    }
}
