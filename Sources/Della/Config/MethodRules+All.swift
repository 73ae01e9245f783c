extension MethodRules {
    private static let anyNumber = 0...modelLimit, oneOrMore = 1...modelLimit

    /// Parameters of methods on sparse differences, `special` among them.
    private static func sparse(
        normalize: Bool, rescale: Bool, _ special: [ParameterRule] = []
    ) -> [ParameterRule] {
        [.weight, .density] + special + [.lambda, .normalize(normalize), .rescale(rescale), .int8Mask]
    }

    /// DELLA: MAGPRUNE, then an election of signs.
    public static let della = MethodRules(
        "della", "DELLA", "https://arxiv.org/abs/2406.11617", base: .required, models: anyNumber,
        .deltas(.magprune, electsSigns: true), sparse(normalize: true, rescale: true, [.reach]))
    /// MAGPRUNE, then the plain weighted sum.
    public static let dellaLinear = MethodRules(
        "della_linear", "DELLA linear", "https://arxiv.org/abs/2406.11617", base: .required,
        models: anyNumber,
        .deltas(.magprune, electsSigns: false), sparse(normalize: false, rescale: true, [.reach]))

    /// Every method, those of the house first.
    static let all: [MethodRules] = [
        della, dellaLinear,
        MethodRules(
            "linear", "Linear", "https://arxiv.org/abs/2203.05482", base: .member, models: oneOrMore, .linear,
            [.weight, .normalize(true)]),
        MethodRules(
            "passthrough", "Passthrough", nil, base: .member, models: 1...1, .passthrough, [.scale]),
        MethodRules(
            "slerp", "SLERP", "https://en.wikipedia.org/wiki/Slerp", base: .start, models: 2...2, .slerp,
            [.place]),
        MethodRules(
            "nuslerp", "NuSLERP", nil, base: .optional, models: 2...2, .nuslerp,
            [.weight, .flag("nuslerp_flatten", true), .flag("nuslerp_row_wise", false)]),
        MethodRules(
            "multislerp", "Multi-SLERP", "https://goddard.blog/posts/multislerp-wow-what-a-cool-idea",
            base: .optional, models: oneOrMore, .multislerp,
            [.weight, .flag("normalize_weights", true), .eps]),
        MethodRules(
            "karcher", "Karcher mean", "https://en.wikipedia.org/wiki/Karcher_mean", base: .member,
            models: oneOrMore,
            .karcher, [.iterations, .tolerance]),
        MethodRules(
            "task_arithmetic", "Task arithmetic", "https://arxiv.org/abs/2212.04089", base: .required,
            models: anyNumber, .deltas(.all, electsSigns: false),
            [.weight, .lambda, .normalize(false), .int8Mask]),
        MethodRules(
            "ties", "TIES", "https://arxiv.org/abs/2306.01708", base: .required, models: anyNumber,
            .deltas(.largest, electsSigns: true), sparse(normalize: true, rescale: false)),
        MethodRules(
            "dare_ties", "DARE TIES", "https://arxiv.org/abs/2311.03099", base: .required, models: anyNumber,
            .deltas(.drawn, electsSigns: true), sparse(normalize: false, rescale: true)),
        MethodRules(
            "dare_linear", "DARE linear", "https://arxiv.org/abs/2311.03099", base: .required,
            models: anyNumber,
            .deltas(.drawn, electsSigns: false), sparse(normalize: false, rescale: true)),
        MethodRules(
            "breadcrumbs", "Model breadcrumbs", "https://arxiv.org/abs/2312.06795", base: .required,
            models: anyNumber,
            .deltas(.band, electsSigns: false), sparse(normalize: false, rescale: false, [.gamma])),
        MethodRules(
            "breadcrumbs_ties", "Model breadcrumbs with TIES", "https://arxiv.org/abs/2312.06795",
            base: .required, models: anyNumber, .deltas(.band, electsSigns: true),
            sparse(normalize: false, rescale: false, [.gamma])),
        MethodRules(
            "model_stock", "Model stock", "https://arxiv.org/abs/2403.19522", base: .required,
            models: 2...modelLimit, .stock, [.flag("filter_wise", false)]),
        MethodRules(
            "nearswap", "NearSwap", "https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001",
            base: .required, models: 1...1, .nearswap, [.nearness]),
        MethodRules(
            "arcee_fusion", "Arcee Fusion", "https://arcee.ai", base: .required, models: 1...1, .fusion, []),
        MethodRules(
            "sce", "SCE", "https://arxiv.org/abs/2408.07990", base: .required, models: anyNumber, .sce,
            [.share, .int8Mask]),
        MethodRules(
            "ram", "RAM", "https://arxiv.org/abs/2601.13572", base: .required, models: anyNumber,
            .ram(isBoosted: false), [.threshold]),
        MethodRules(
            "ramplus_tl", "RAM+ TL", "https://arxiv.org/abs/2601.13572", base: .required, models: anyNumber,
            .ram(isBoosted: true), [.threshold, .boost, .boostLimit]),
    ]
}
