import Testing

@testable import Della

@Suite struct TensorKindTests {
    @Test(
        arguments: [
            ("model.layers.3.self_attn.q_proj.weight", .query),
            ("model.layers.3.self_attn.q_proj.bias", .query),
            ("model.layers.3.self_attn.k_proj.weight", .key),
            ("model.layers.3.self_attn.v_proj.weight", .value),
            ("model.layers.3.self_attn.o_proj.weight", .attentionOutput),
            ("model.layers.3.self_attn.q_norm.weight", .norm),
            ("model.layers.3.self_attn.qkv_proj.weight", .attentionInputs),
            ("model.layers.3.mlp.gate_proj.weight", .gate), ("model.layers.3.mlp.up_proj.weight", .up),
            ("model.layers.3.mlp.gate_up_proj.weight", .gateUp),
            ("model.layers.3.mlp.down_proj.weight", .down),
            ("model.layers.3.mlp.down_proj.weight_scale_inv", .down),
            ("model.layers.3.input_layernorm.weight", .norm),
            ("model.layers.3.pre_feedforward_layernorm.weight", .norm),
            ("model.norm.weight", .norm), ("model.embed_tokens.weight", .embedding),
            ("lm_head.weight", .head),
            // GPT-2, NeoX, Falcon, Phi.
            ("transformer.h.11.attn.c_attn.weight", .attentionInputs),
            ("h.0.attn.c_proj.bias", .attentionOutput),
            ("h.0.mlp.c_fc.weight", .up), ("h.0.mlp.c_proj.weight", .down), ("h.0.ln_1.bias", .norm),
            ("wte.weight", .embedding), ("transformer.wpe.weight", .embedding), ("ln_f.weight", .norm),
            ("gpt_neox.layers.4.attention.query_key_value.weight", .attentionInputs),
            ("gpt_neox.layers.4.attention.dense.weight", .attentionOutput),
            ("gpt_neox.layers.4.mlp.dense_h_to_4h.weight", .up),
            ("gpt_neox.layers.4.mlp.dense_4h_to_h.bias", .down),
            ("gpt_neox.embed_in.weight", .embedding), ("embed_out.weight", .head),
            ("gpt_neox.layers.4.attention.rotary_emb.inv_freq", .other),
            ("transformer.h.2.self_attention.query_key_value.weight", .attentionInputs),
            ("transformer.h.2.self_attention.dense.weight", .attentionOutput),
            ("transformer.word_embeddings.weight", .embedding),
            ("model.layers.7.self_attn.dense.weight", .attentionOutput),
            ("model.layers.7.mlp.fc1.weight", .up),
            ("model.layers.7.mlp.fc2.weight", .down), ("model.final_layernorm.weight", .norm),
            // BERT, T5, InternLM, the original Llama.
            ("bert.encoder.layer.5.attention.self.query.weight", .query),
            ("bert.encoder.layer.5.attention.output.dense.weight", .attentionOutput),
            ("bert.encoder.layer.5.attention.output.LayerNorm.weight", .norm),
            ("bert.encoder.layer.5.intermediate.dense.weight", .up),
            ("bert.encoder.layer.5.output.dense.weight", .down),
            ("bert.embeddings.word_embeddings.weight", .embedding),
            ("cls.predictions.transform.dense.weight", .head),
            ("decoder.block.0.layer.0.SelfAttention.q.weight", .query),
            ("decoder.block.0.layer.0.SelfAttention.o.weight", .attentionOutput),
            ("decoder.block.0.layer.2.DenseReluDense.wi_0.weight", .gate),
            ("decoder.block.0.layer.2.DenseReluDense.wo.weight", .down),
            ("model.layers.0.attention.wqkv.weight", .attentionInputs),
            ("model.layers.0.attention.wo.weight", .attentionOutput),
            ("layers.0.feed_forward.w1.weight", .gate), ("layers.0.feed_forward.w2.weight", .down),
            ("layers.0.feed_forward.w3.weight", .up), ("output.weight", .head),
            ("tok_embeddings.weight", .embedding),
            // Mixtures.
            ("model.layers.1.block_sparse_moe.gate.weight", .router),
            ("model.layers.1.block_sparse_moe.experts.7.w2.weight", .experts),
            ("model.layers.1.mlp.gate.weight", .router),
            ("model.layers.1.mlp.gate.e_score_correction_bias", .router),
            ("model.layers.1.mlp.experts.63.gate_proj.weight", .experts),
            ("model.layers.1.mlp.experts.gate_up_proj", .experts),
            ("model.layers.1.mlp.shared_expert.up_proj.weight", .experts),
            ("model.layers.1.mlp.shared_experts.up_proj.weight", .experts),
            ("model.layers.1.mlp.shared_expert_gate.weight", .router),
            ("model.layers.1.mlp.router.weight", .router),
            ("model.layers.1.self_attn.q_a_proj.weight", .query),
            ("model.layers.1.self_attn.kv_b_proj.weight", .attentionInputs),
            ("model.layers.1.self_attn.kv_a_layernorm.weight", .norm),
            // A vision tower, and what has no kind.
            ("visual.blocks.2.attn.qkv.weight", .attentionInputs),
            ("visual.blocks.2.attn.proj.weight", .attentionOutput),
            ("model.layers.1.self_attn.sinks", .other), ("backbone.layers.1.mixer.A_log", .other),
            ("", .other), ("...", .other),
            ("weight", .other),
        ] as [(String, TensorKind)])
    func aNameTellsTheKind(name: String, kind: TensorKind) {
        #expect(TensorKind(tensorNamed: name) == kind)
    }

    @Test(
        arguments: [
            ("model.layers.1.mlp.experts.63.up_proj.weight", 63),
            ("model.layers.1.mlp.experts.gate_up_proj", nil),
            ("model.layers.1.mlp.experts.511.up_proj.weight", 511),
            ("model.layers.1.mlp.experts.512.up_proj.weight", nil),
            ("model.layers.1.mlp.experts.-1.up_proj.weight", nil), ("model.layers.1.mlp.experts", nil),
            ("model.layers.1.mlp.up_proj.weight", nil),
        ] as [(String, Int?)])
    func aNameTellsTheExpert(name: String, expert: Int?) {
        #expect(TensorKind.expert(ofTensorNamed: name) == expert)
    }
}
