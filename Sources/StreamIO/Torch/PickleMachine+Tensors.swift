/// What the functions that a checkpoint names would make of their arguments.
extension PickleMachine {
    /// The storage that a persistent identifier stands for: `("storage", type, key, location, elements)`.
    mutating func storage(of identifier: PickleValue) throws -> PickleValue {
        guard case .tuple(let tuple) = identifier, tuple.count == 5 else {
            throw invalid("a storage is \(identifier.kind)")
        }
        let values = Array(store.values(tuple))
        guard case .text(let word) = values[0], store.text(word) == "storage",
            case .global(.storage(let type)) = values[1], case .text(let key) = values[2],
            case .integer(let count) = values[4], count >= 0
        else { throw invalid("a storage without a type, a key and a length") }
        let name = store.text(key).printable(atMost: 100)
        guard let data = storageData(Array(store.bytes(key))) else {
            throw TorchFileError.missingEntry("data/\(name)")
        }
        let bytes = UInt64(count).multipliedSaturated(by: UInt64((type ?? .u8).bitWidth / 8))
        guard data.upperBound - data.lowerBound == bytes else {
            throw invalid(
                "storage \(name) has \(bytes) bytes, and the archive's data/\(name) \(data.upperBound - data.lowerBound)"
            )
        }
        try take(1, PickleStore.Storage.self)
        return store.addStorage(PickleStore.Storage(type: type, data: data))
    }

    /// What a call of a global would return.
    mutating func result(of callee: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
        guard case .global(let global) = callee else { throw invalid("a call of \(callee.kind)") }
        guard case .tuple(let tuple) = arguments else { throw invalid("a call with \(arguments.kind)") }
        let values = Array(store.values(tuple).prefix(16))
        switch global {
        case .orderedDictionary:
            guard values.isEmpty else { throw invalid("an OrderedDict of arguments") }
            return try newDictionary()
        case .size:
            guard values.count == 1, case .tuple = values[0] else {
                throw invalid("a Size without dimensions")
            }
            return values[0]
        case .rebuildFromType:
            // The function, the class of the result, the arguments, and attributes.
            guard values.count == 4, case .global(let inner) = values[0], inner != .rebuildFromType,
                case .global(.tensorClass) = values[1], case .tuple(let tuple) = values[2]
            else { throw invalid("a tensor of a class that is none") }
            return try tensor(inner, Array(store.values(tuple).prefix(16)))
        case .rebuildTensor, .rebuildTypedTensor, .rebuildParameter: return try tensor(global, values)
        case .tensorClass, .storage, .type: throw invalid("a call of a class")
        }
    }

    private mutating func tensor(_ function: PickleGlobal, _ values: [PickleValue]) throws -> PickleValue {
        if function == .rebuildParameter {
            guard values.count >= 1, case .tensor = values[0] else {
                throw invalid("a parameter without a tensor")
            }
            return values[0]
        }
        // Storage, offset, shape and strides; requires_grad and hooks; then the type, where the storage has none.
        guard values.count >= 4, case .storage(let storage) = values[0],
            case .integer(let offset) = values[1],
            case .tuple(let shape) = values[2], case .tuple(let strides) = values[3]
        else { throw invalid("a tensor without a storage and a shape") }
        var type: ElementType?
        var rest = values.dropFirst(6)
        if function == .rebuildTypedTensor {
            guard case .global(.type(let named))? = rest.popFirst() else {
                throw invalid("a tensor without a type")
            }
            type = named
        } else if function != .rebuildTensor {
            throw invalid("a call of a class")
        }
        if values.count > 5 { try expectEmpty(values[5], "hooks") }
        // Views that are conjugated or negated while they are read.
        if let metadata = rest.popFirst() { try expectEmpty(metadata, "metadata") }
        guard rest.isEmpty else { throw invalid("a tensor with \(values.count) arguments") }
        guard store.tensors.count < PickleStore.tensorLimit else {
            throw TorchFileError.tooMuch("tensors in the pickle", limit: PickleStore.tensorLimit)
        }
        try take(1, PickleStore.Tensor.self)
        return store.addTensor(
            PickleStore.Tensor(storage: storage, type: type, offset: offset, shape: shape, strides: strides))
    }

    private func expectEmpty(_ value: PickleValue, _ what: String) throws {
        switch value {
        case .none: return
        case .dictionary(let number) where store.memberCounts[Int(number)] == 0: return
        default: throw invalid("a tensor with \(what)")
        }
    }
}
