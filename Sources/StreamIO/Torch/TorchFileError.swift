/// Why a file is no checkpoint of `torch.save` that can be read in place. Each way of being wrong is a case of its own.
public enum TorchFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// PyTorch's format before version 1.6: pickles and data one after the other.
    case legacy
    /// Neither a zip archive nor an older checkpoint.
    case notAnArchive
    /// Begins as a zip archive, and its directory is not at its end.
    case cutShort
    /// The zip directory is not as the format has it.
    case invalidDirectory(String)
    /// An entry whose bytes are not stored as they are.
    case compressed(entry: String)
    case encrypted(entry: String)
    case duplicateEntry(String)
    /// The entry begins before the one in front of it ends.
    case overlap(entry: String)
    /// The entry leads out of the file, or into the directory.
    case beyondFile(entry: String)
    /// The header before an entry's data says otherwise than the directory.
    case headerMismatch(entry: String, field: String)
    /// The archive has no such entry.
    case missingEntry(String)
    /// Another byte order than little-endian.
    case byteOrder(String)
    /// The pickle names what no checkpoint needs: `os.system`.
    case foreignGlobal(String)
    /// The pickle has an opcode that no checkpoint needs.
    case foreignOpcode(String, offset: UInt64)
    /// More of something than a checkpoint has.
    case tooMuch(String, limit: Int)
    /// Bytes that are no pickle, or one that builds what cannot be.
    case invalidPickle(String, offset: UInt64)
    /// What the pickle builds is no dictionary of tensors.
    case noTensors(String)
    case duplicateTensor(String)
    /// The tensor's elements do not lie one after the other.
    case strided(tensor: String)
    /// The tensor's type, shape or place cannot be.
    case invalidTensor(tensor: String, String)
    /// Reading takes more memory than there is, in bytes.
    case noRoom(needed: UInt64, tensors: Int)

    /// What is wrong, without the file's name.
    public var description: String {
        switch self {
        case .legacy: "in PyTorch's format before version 1.6, which is not read"
        case .notAnArchive: "no zip archive as torch.save writes it"
        case .cutShort: "the zip archive's directory is not at the file's end"
        case .invalidDirectory(let what): "the zip directory: \(what)"
        case .compressed(let entry): "\(entry) is compressed, which torch.save never does: not read"
        case .encrypted(let entry): "\(entry) is encrypted"
        case .duplicateEntry(let entry): "\(entry) is there twice"
        case .overlap(let entry): "\(entry) overlaps the entry before it"
        case .beyondFile(let entry): "\(entry) leads beyond the archive's data"
        case .headerMismatch(let entry, let field):
            "\(entry): its header says another \(field) than the directory"
        case .missingEntry(let entry): "the archive has no \(entry)"
        case .byteOrder(let order): "the byte order is \(order), and only little-endian data is read"
        case .foreignGlobal(let name): "the pickle asks for \(name), which no checkpoint needs: not read"
        case .foreignOpcode(let name, let offset):
            "the pickle has the opcode \(name) at byte \(offset), which no checkpoint needs: not read"
        case .tooMuch(let what, let limit): "more than \(limit) \(what)"
        case .invalidPickle(let what, let offset): "the pickle at byte \(offset): \(what)"
        case .noTensors(let what): what
        case .duplicateTensor(let name): "tensor \(name) is there twice"
        case .strided(let name):
            "tensor \(name): its elements do not lie one after the other (a view that was saved)"
        case .invalidTensor(let name, let what): "tensor \(name): \(what)"
        case .noRoom(let needed, _): "reading it takes \(ByteCount.wholeMebibytes(for: needed)) of memory"
        }
    }

    /// What to do.
    var remedy: String {
        switch self {
        case .noTensors: "save the dictionary of its tensors alone, as safetensors"
        case .legacy, .strided, .compressed, .byteOrder:
            "convert it, in the model's folder: \(Self.conversion)"
        case .foreignGlobal, .foreignOpcode: "name the model as safetensors, from a source that you trust"
        case .cutShort, .beyondFile, .notAnArchive: "download it again; it may have been cut short"
        case .noRoom: "give more memory"
        default: "download it again"
        }
    }

    /// The command that makes safetensors of all `.bin` files of a folder.
    private static let conversion =
        "python3 -c \"import glob, torch, safetensors.torch as s; [s.save_file({k: v.contiguous().clone() for k, v in "
        + "torch.load(f, map_location='cpu', weights_only=True).items()}, f[8:-3] + 'safetensors', {'format': 'pt'}) "
        + "for f in glob.glob('pytorch_model*.bin')]\""
}
