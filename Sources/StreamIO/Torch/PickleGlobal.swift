/// What a checkpoint's pickle may name: a dozen functions and classes, none of which is ever called.
enum PickleGlobal: Hashable {
    /// `collections.OrderedDict`.
    case orderedDictionary
    /// `torch.Size`.
    case size
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    case rebuildTensor
    /// `torch._utils._rebuild_tensor_v3`, whose storage has no type.
    case rebuildTypedTensor
    /// `torch._utils._rebuild_parameter` and `_rebuild_parameter_with_state`.
    case rebuildParameter
    /// `torch._tensor._rebuild_from_type_v2`.
    case rebuildFromType
    /// `torch.nn.parameter.Parameter`, `torch.Tensor`.
    case tensorClass
    /// `torch.FloatStorage` and so on; `nil` for bytes without a type.
    case storage(ElementType?)
    /// `torch.float8_e4m3fn` and so on.
    case type(ElementType)

    private static let known: [String: PickleGlobal] = {
        var known: [String: PickleGlobal] = [
            "collections.OrderedDict": .orderedDictionary, "torch.Size": .size,
            "torch._utils._rebuild_tensor": .rebuildTensor, "torch._utils._rebuild_tensor_v2": .rebuildTensor,
            "torch._utils._rebuild_tensor_v3": .rebuildTypedTensor,
            "torch._utils._rebuild_parameter": .rebuildParameter,
            "torch._utils._rebuild_parameter_with_state": .rebuildParameter,
            "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
            "torch.nn.parameter.Parameter": .tensorClass, "torch.Tensor": .tensorClass,
            "torch.UntypedStorage": .storage(nil), "torch.storage.UntypedStorage": .storage(nil),
        ]
        let storages: [(String, ElementType)] = [
            ("Double", .f64), ("Float", .f32), ("Half", .f16), ("BFloat16", .bf16), ("Long", .i64),
            ("Int", .i32),
            ("Short", .i16), ("Char", .i8), ("Byte", .u8), ("Bool", .bool), ("ComplexFloat", .c64),
        ]
        for (name, type) in storages { known["torch.\(name)Storage"] = .storage(type) }
        let types: [(String, ElementType)] = [
            ("float64", .f64), ("float32", .f32), ("float16", .f16), ("bfloat16", .bf16), ("int64", .i64),
            ("int32", .i32), ("int16", .i16), ("int8", .i8), ("uint8", .u8), ("bool", .bool),
            ("uint16", .u16),
            ("uint32", .u32), ("uint64", .u64), ("complex64", .c64), ("float8_e4m3fn", .f8E4M3),
            ("float8_e5m2", .f8E5M2), ("float8_e8m0fnu", .f8E8M0),
        ]
        for (name, type) in types { known["torch.\(name)"] = .type(type) }
        return known
    }()

    /// The one of that name, module and all; `nil` for everything else there is.
    init?(_ name: String) {
        guard let global = Self.known[name] else { return nil }
        self = global
    }
}
