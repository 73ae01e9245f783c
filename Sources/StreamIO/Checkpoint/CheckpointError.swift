import SystemPackage

/// Why a folder's model cannot be used, which file is to blame, and what to do about it.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// A file or the folder cannot be opened or read.
        case unreadable(IOError)
        case notAFolder
        case notAFile
        /// Whoever opens the model may not read that file.
        case notPermitted
        /// No weights in the folder at all.
        case noModel
        /// None in the folder itself, but in folders below it.
        case elsewhere(folders: [String])
        /// Weights in the format of another program only.
        case foreign(file: String)
        /// Weights in PyTorch's format only, in files that nothing says are all of a model.
        case pickled(file: String)
        /// Weights in the layout of Mistral's own programs only, whose tensors have other names.
        case consolidated(file: String)
        /// Several safetensors files and no index that says which belong together.
        case ambiguous(files: [String])
        case invalidIndex(String)
        /// The index names a file that leads out of the folder, or none that a shard can have.
        case invalidShardName(String)
        case missingShard(String)
        /// The index says that the file holds the tensor, and it does not.
        case tensorNotInShard(tensor: String, shard: String)
        /// The file holds a tensor of which the index says nothing, or that another file holds it.
        case tensorNotInIndex(tensor: String)
        /// What Git leaves in place of a large file it has not fetched.
        case lfsPointer
        /// HTML, that a browser or a failed download left in place of a file.
        case webPage
        /// A file that begins as no safetensors file does, with this text.
        case text(String)
        /// What `torch.save` wrote, by the name of a safetensors file.
        case archive
        case invalidFile(SafetensorsError)
        case invalidArchive(TorchFileError)
        /// More bytes than a model may have.
        case tooManyBytes
        /// A file became another while it was read.
        case changed
        /// The tensors take more memory than there is for them, in bytes.
        case tooLarge(needed: UInt64, tensors: Int)
        /// Whoever opens the model asked for it no longer.
        case stopped
    }

    /// The file or folder to blame.
    public var path: FilePath
    /// What is wrong.
    public var reason: Reason

    /// Something wrong with a file or folder.
    public init(_ path: FilePath, _ reason: Reason) {
        self.path = path
        self.reason = reason
    }

    /// A file or folder that could not be opened.
    init(opening path: FilePath, _ error: IOError) {
        let reason: Reason =
            switch error.errno {
            case .improperLink: .notPermitted
            case .isDirectory, .invalidArgument: .notAFile
            default: .unreadable(error)
            }
        self.init(path, reason)
    }

    /// Whether something is not there or not readable (`EX_NOINPUT`, 66), rather than wrong (`EX_DATAERR`, 65).
    public var isMissingInput: Bool {
        switch reason {
        case .unreadable, .notAFolder, .notAFile, .noModel, .elsewhere, .missingShard, .lfsPointer: true
        default: false
        }
    }

    /// Whether the index is to blame, and not the files with the weights.
    var isIndexs: Bool {
        switch reason {
        case .invalidIndex, .invalidShardName, .missingShard, .tensorNotInShard, .tensorNotInIndex: true
        default: false
        }
    }

    /// What is wrong, without the file's name and the remedy.
    public var problem: String {
        switch reason {
        case .unreadable(let error): "\(error.operation): \(error.errno)"
        case .notAFolder: "not a folder"
        case .notAFile: "not a regular file"
        case .notPermitted: "leads out of the folders that may be read"
        case .noModel: "no model in this folder"
        case .elsewhere(let folders):
            "no model in this folder, but below it, in \(folders.prefix(3).joined(separator: ", "))"
                + (folders.count > 3 ? " and \(folders.count - 3) more" : "")
        case .foreign(let file):
            "the model is only there in \(ForeignFormat(fileName: file)?.name ?? "another format") (\(file))"
        case .pickled(let file):
            "the model is only there in PyTorch's format (\(file)), and not as pytorch_model.bin or a complete set of it"
        case .consolidated(let file): "the model is only there in Mistral's own layout (\(file))"
        case .ambiguous(let files):
            "several safetensors files and no index: \(files.prefix(3).joined(separator: ", "))"
                + (files.count > 3 ? " and \(files.count - 3) more" : "")
        case .invalidIndex(let what): "invalid index: \(what)"
        case .invalidShardName(let name): "the index names \"\(name)\", which no shard may be called"
        case .missingShard(let name): "the index names \(name), which is not there"
        case .tensorNotInShard(let tensor, let shard): "tensor \(tensor) should be in \(shard) and is not"
        case .tensorNotInIndex(let tensor): "tensor \(tensor) is not in the index, or there in another file"
        case .lfsPointer: "a Git LFS pointer in place of the file"
        case .webPage: "a web page in place of the file"
        case .text(let start): "no safetensors file, but a text that begins with '\(start)'"
        case .archive: "no safetensors file, but one of PyTorch's (torch.save) by that name"
        case .invalidFile(let error): "\(error)"
        case .invalidArchive(let error): "\(error)"
        case .tooManyBytes: "the model's files have more than \(Checkpoint.byteLimit >> 40) TiB"
        case .changed: "the file changed while it was read"
        case .tooLarge(let needed, let tensors):
            "its \(tensors) tensors take \(ByteCount.wholeMebibytes(for: needed)) of memory to plan with"
        case .stopped: "opening it was stopped"
        }
    }

    /// What to do.
    public var remedy: String {
        switch reason {
        case .unreadable(let error):
            switch error.errno {
            case .noSuchFileOrDirectory: "check the path, or download the model"
            case .permissionDenied: AccessAdvice(for: error.path).description
            case .tooManyOpenFiles, .tooManyOpenFilesInSystem: "raise the limit on open files"
            default: "check the disk and the folder's permissions"
            }
        case .notAFolder: "give the folder that holds the model"
        case .notAFile: "replace it by the file itself"
        case .notPermitted: "move the file there"
        case .noModel: "give a folder with model.safetensors or model.safetensors.index.json"
        case .elsewhere(let folders):
            folders.count == 1
                ? "name that folder: \(path.appending(folders[0]))"
                : "name one of them, as \(path.appending(folders[folders.count - 1]))"
        case .foreign(let file): ForeignFormat(fileName: file)?.remedy ?? "name a folder with safetensors"
        case .pickled:
            "finish the download, or convert it to safetensors, with transformers' save_pretrained for instance"
        case .consolidated: "name the model in transformers' layout, with model.safetensors"
        case .ambiguous: "add model.safetensors.index.json, or leave one file"
        case .missingShard: "finish the download"
        case .lfsPointer: "run git lfs pull in the model's folder"
        case .tooManyBytes: "a sparse file says more than it holds: download it again"
        case .changed: "wait until the download or copy has finished"
        case .tooLarge: "give more memory"
        case .stopped: "open it again"
        case .webPage:
            "download it again, with hf download or from a link with /resolve/ in it: one with /blob/ is a page about the file"
        case .text: "download it again"
        case .archive: "call it pytorch_model.bin"
        case .invalidFile(let error) where error.suggestsTruncation:
            "download it again; it may have been cut short"
        case .invalidArchive(let error): error.remedy
        case .invalidIndex, .invalidShardName, .tensorNotInShard, .tensorNotInIndex, .invalidFile:
            "download it again"
        }
    }

    /// The file, what is wrong, and in parentheses what to do.
    public var description: String { "\(path): \(problem) (\(remedy))" }
}
