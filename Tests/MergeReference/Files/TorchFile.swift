import Foundation

/// A checkpoint as `torch.save` writes it: a zip archive of stored entries, `data.pkl` and one for each storage.
struct TorchFile {
    /// What torch's versions, and other writers, do in different ways.
    struct Style {
        /// What the data of each entry is aligned to, in bytes; 0 for no padding at all.
        var alignment = 64
        /// ZIP64 wherever there is place for it, as for files of more than 4 GB.
        var isWide = false
        /// Sizes and checksums after the data instead of before.
        var hasDescriptors = true
        /// Tensors by name that have another's storage, as tied weights do.
        var tied: [String: String] = [:]
        /// All tensors of a type in one storage.
        var isPacked = false
        /// A plain dictionary of parameters, instead of an ordered one of tensors with `_metadata`.
        var isPlain = false
        /// What the tensors stand under in an outer dictionary.
        var wrapper: String?
        var pickleVersion = 2
        var byteOrder: String? = "little"
        var prefix = "archive"
    }

    struct Entry {
        var name: String
        var data: [UInt8]
        /// Stored, unless a test says otherwise.
        var method = 0
    }

    var tensors: [TensorFile.Tensor]
    var style = Style()

    /// The file's bytes.
    func encoded() -> [UInt8] { Self.archive(entries(), style) }

    /// Writes a model: its tensors in as many files as there are groups.
    static func write(
        _ groups: [[TensorFile.Tensor]], _ style: Style, hasIndex: Bool = true, config: String,
        to folder: String
    ) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var index: [String] = []
        for (number, group) in groups.enumerated() {
            let name = CheckpointFolder.fileNames(groups.count, stem: "pytorch_model", suffix: ".bin")[number]
            index += group.map { "\"\($0.name)\":\"\(name)\"" }
            try CheckpointFolder.write(
                TorchFile(tensors: group, style: style).encoded(), to: folder + "/" + name)
        }
        if groups.count > 1, hasIndex {
            let text = "{\"metadata\":{\"total_size\":1},\"weight_map\":{\(index.joined(separator: ","))}}"
            try CheckpointFolder.write(Array(text.utf8), to: folder + "/pytorch_model.bin.index.json")
        }
        try CheckpointFolder.write(Array(config.utf8), to: folder + "/config.json")
    }

    // MARK: Entries

    /// Where a tensor lies: in which storage, of how many elements, from which element on.
    private struct Place {
        var storage: Int
        var count: Int
        var offset: Int
    }

    func entries() -> [Entry] {
        var storages: [[UInt8]] = []
        var places: [String: Place] = [:]
        var shared: [StoredType: Int] = [:]
        for tensor in tensors where style.tied[tensor.name] == nil {
            if style.isPacked {
                let storage = shared[tensor.type] ?? storages.count
                if storage == storages.count { storages.append([]) }
                shared[tensor.type] = storage
                places[tensor.name] = Place(
                    storage: storage, count: 0, offset: storages[storage].count / tensor.type.byteWidth)
                storages[storage] += tensor.bytes
            } else {
                places[tensor.name] = Place(storage: storages.count, count: 0, offset: 0)
                storages.append(tensor.bytes)
            }
        }
        for (name, other) in style.tied { places[name] = places[other] }
        for tensor in tensors {
            guard let place = places[tensor.name] else { continue }
            places[tensor.name]?.count = storages[place.storage].count / tensor.type.byteWidth
        }
        var entries = [Entry(name: "data.pkl", data: pickle(places))]
        if let order = style.byteOrder { entries.append(Entry(name: "byteorder", data: Array(order.utf8))) }
        entries += storages.enumerated().map { Entry(name: "data/\($0.offset)", data: $0.element) }
        entries.append(Entry(name: "version", data: Array("3\n".utf8)))
        entries.append(Entry(name: ".data/serialization_id", data: Array("0636067430101254687".utf8)))
        return entries.map { Entry(name: "\(style.prefix)/\($0.name)", data: $0.data) }
    }

    private func pickle(_ places: [String: Place]) -> [UInt8] {
        var pickle = TorchPickle(version: style.pickleVersion)
        if let wrapper = style.wrapper {
            pickle.emptyDictionary()
            pickle.add(0x28)
            pickle.text("epoch")
            pickle.integer(3)
            pickle.text(wrapper)
        }
        if style.isPlain { pickle.emptyDictionary() } else { pickle.orderedDictionary() }
        // As many members at a time as the pickler writes.
        for start in stride(from: 0, to: tensors.count, by: 1000) {
            pickle.add(0x28)
            for tensor in tensors[start..<min(start + 1000, tensors.count)] {
                pickle.text(tensor.name)
                if style.isPlain {
                    pickle.global("torch._utils", "_rebuild_parameter")
                    add(tensor, places[tensor.name]!, to: &pickle)
                    pickle.add(0x88)
                    pickle.orderedDictionary()
                    pickle.add(0x87)
                    pickle.keep()
                    pickle.add(0x52)
                    pickle.keep()
                } else {
                    add(tensor, places[tensor.name]!, to: &pickle)
                }
            }
            pickle.add(0x75)
        }
        if !style.isPlain {
            pickle.emptyDictionary()
            pickle.text("_metadata")
            pickle.orderedDictionary()
            pickle.add(0x28)
            pickle.text("")
            pickle.emptyDictionary()
            pickle.text("version")
            pickle.integer(1)
            pickle.add(0x73)
            pickle.add(0x75)
            pickle.add(0x73)
            pickle.add(0x62)
        }
        if style.wrapper != nil { pickle.add(0x75) }
        pickle.add(0x2E)
        return pickle.bytes
    }

    private func add(_ tensor: TensorFile.Tensor, _ place: Place, to pickle: inout TorchPickle) {
        pickle.global("torch._utils", "_rebuild_tensor_v2")
        pickle.add(0x28)
        pickle.add(0x28)
        pickle.text("storage")
        pickle.global("torch", Self.storageName(tensor.type))
        pickle.text("\(place.storage)")
        pickle.text("cpu")
        pickle.integer(place.count)
        pickle.add(0x74)
        pickle.keep()
        pickle.add(0x51)
        pickle.integer(place.offset)
        pickle.integers(tensor.shape)
        pickle.integers(tensor.shape.indices.map { tensor.shape[($0 + 1)...].reduce(1) { $0 * max(1, $1) } })
        pickle.add(0x89)
        pickle.orderedDictionary()
        pickle.add(0x74)
        pickle.keep()
        pickle.add(0x52)
        pickle.keep()
    }

    static func storageName(_ type: StoredType) -> String {
        switch type {
        case .f64: "DoubleStorage"
        case .f32: "FloatStorage"
        case .f16: "HalfStorage"
        case .bf16: "BFloat16Storage"
        case .i64: "LongStorage"
        case .i32: "IntStorage"
        case .i16: "ShortStorage"
        case .i8: "CharStorage"
        case .u8: "ByteStorage"
        case .bool: "BoolStorage"
        case .f8: "Float8Storage"
        }
    }

    // MARK: Archive

    /// Numbers one after the other, little-endian, each with its number of bytes.
    private static func fields(_ fields: (value: Int, count: Int)...) -> [UInt8] {
        fields.flatMap { TorchPickle.little($0.value, $0.count) }
    }

    static func archive(_ entries: [Entry], _ style: Style) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let begin = file.count
            add(entry, style, to: &file)
            addListing(of: entry, begin: begin, style, to: &directory)
        }
        let begin = file.count, size = directory.count, count = entries.count
        file += directory
        if style.isWide {
            let record = file.count
            file += fields((0x0606_4B50, 4), (44, 8), (0x1E, 2), (45, 2), (0, 8))
            file += fields((count, 8), (count, 8), (size, 8), (begin, 8))
            file += fields((0x0706_4B50, 4), (0, 4), (record, 8), (1, 4))
            file += fields((0x0605_4B50, 4), (0, 4), (0xFFFF, 2), (0xFFFF, 2))
            file += fields((0xFFFF_FFFF, 4), (0xFFFF_FFFF, 4), (0, 2))
        } else {
            file += fields((0x0605_4B50, 4), (0, 4), (count, 2), (count, 2), (size, 4), (begin, 4), (0, 2))
        }
        return file
    }

    private static func flags(_ style: Style) -> Int { style.hasDescriptors ? 0x0808 : 0x0800 }

    /// An entry's own header, its data, and what comes after them.
    private static func add(_ entry: Entry, _ style: Style, to file: inout [UInt8]) {
        let name = Array(entry.name.utf8)
        let checksum = Int(crc32(entry.data)), count = entry.data.count
        var extra = style.isWide ? fields((1, 2), (16, 2), (count, 8), (count, 8)) : []
        if style.alignment > 0 {
            // torch fills up with a field called FB.
            let start = file.count + 30 + name.count + extra.count + 4
            let padding = (style.alignment - start % style.alignment) % style.alignment
            extra += Array("FB".utf8) + fields((padding, 2))
            extra += Array(repeating: UInt8(ascii: "Z"), count: padding)
        }
        file += fields((0x0403_4B50, 4), (0, 2), (flags(style), 2), (entry.method, 2), (0, 4))
        if style.hasDescriptors {
            file += fields((0, 4), (0, 4), (0, 4))
        } else {
            let narrow = style.isWide ? 0xFFFF_FFFF : count
            file += fields((checksum, 4), (narrow, 4), (narrow, 4))
        }
        file += fields((name.count, 2), (extra.count, 2)) + name + extra + entry.data
        guard style.hasDescriptors else { return }
        let width = style.isWide ? 8 : 4
        file += fields((0x0807_4B50, 4), (checksum, 4), (count, width), (count, width))
    }

    private static func addListing(of entry: Entry, begin: Int, _ style: Style, to directory: inout [UInt8]) {
        let name = Array(entry.name.utf8), count = entry.data.count
        let narrow = style.isWide ? 0xFFFF_FFFF : count
        let field = style.isWide ? fields((1, 2), (24, 2), (count, 8), (count, 8), (begin, 8)) : []
        directory += fields((0x0201_4B50, 4), (0, 2), (0, 2), (flags(style), 2), (entry.method, 2), (0, 4))
        directory += fields(
            (Int(crc32(entry.data)), 4), (narrow, 4), (narrow, 4), (name.count, 2), (field.count, 2))
        directory += fields((0, 2), (0, 2), (0, 2), (0, 4), (style.isWide ? 0xFFFF_FFFF : begin, 4))
        directory += name + field
    }

    /// Zip's checksum, bit by bit.
    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = crc & 1 == 1
                crc >>= 1
                if isOdd { crc ^= 0xEDB8_8320 }
            }
        }
        return ~crc
    }
}
